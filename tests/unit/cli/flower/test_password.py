"""The password of Flower: made once, kept where nobody else reads it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pipeline.cli.flower.password import BASIC_AUTH, OWN_VARIABLES, USER, login_of
from pipeline.errors import SettingsInvalid


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_it_is_made_once_and_told_once(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "flower"
    first, second = login_of(folder, without=False), login_of(folder, without=False)
    password = (folder / "password").read_text().strip()
    assert first.variables == second.variables == {BASIC_AUTH: f"{USER}:{password}"}
    assert password in first.sentence
    assert password not in second.sentence
    assert str(folder / "password") in second.sentence
    assert len(password) >= 24
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_no_two_are_alike(tmp_path: Path) -> None:
    words = {login_of(tmp_path / str(number), without=False).variables[BASIC_AUTH] for number in range(20)}
    assert len(words) == 20


@pytest.mark.parametrize("name", OWN_VARIABLES)
def test_who_says_it_otherwise_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "me:secret-word")
    login = login_of(tmp_path, without=False)
    assert (login.variables, list(tmp_path.iterdir())) == ({}, [])
    assert "secret-word" not in login.sentence
    with pytest.raises(SettingsInvalid, match="contradicts"):
        login_of(tmp_path, without=True)


def test_without_one_nothing_is_made(tmp_path: Path) -> None:
    assert login_of(tmp_path, without=True).variables == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "\n", "a,b:c", "wörd", "a\tb"])
def test_what_flower_would_take_for_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "password"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    with pytest.raises(SettingsInvalid, match="no password that Flower could use"):
        login_of(tmp_path, without=False)


def test_one_that_others_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("word")
    path.chmod(0o640)
    with pytest.raises(SettingsInvalid, match="chmod 600"):
        login_of(tmp_path, without=False)


def test_where_it_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "flower").write_text("a file")
    with pytest.raises(SettingsInvalid, match="cannot be kept"):
        login_of(tmp_path / "flower", without=False)
