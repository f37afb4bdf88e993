"""The name of the place where a machine keeps its last answer."""

from __future__ import annotations

from pathlib import Path

from pipeline.authorization.pair import Seal
from pipeline.authorization.spare import Spare
from tests.oauth import STORE_KEY


def spare(folder: Path, namespace: str = "calls") -> Spare:
    return Spare(folder, namespace, Seal([STORE_KEY]))


def test_a_place_has_no_name_until_it_is_given_one_which_stays(tmp_path: Path) -> None:
    assert spare(tmp_path / "data").place == ""

    name = spare(tmp_path / "data").name_place()

    assert name
    assert spare(tmp_path / "data").name_place() == spare(tmp_path / "data").place == name


def test_another_folder_or_namespace_is_another_place(tmp_path: Path) -> None:
    names = {
        spare(tmp_path / "one").name_place(),
        spare(tmp_path / "other").name_place(),
        spare(tmp_path / "one", "other").name_place(),
    }

    assert len(names) == 3


def test_where_nothing_can_be_kept_there_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    assert spare(tmp_path / "data").name_place() == ""
