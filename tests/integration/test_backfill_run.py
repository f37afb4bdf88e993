"""One run of `backfill`, with what may happen to its manifest meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.backfill import run as run_module
from pipeline.cli.backfill.run import run_backfill
from pipeline.cli.backfill.wanted import Wanted
from pipeline.cli.preflight.before import Before, check_before
from pipeline.errors import SettingsInvalid
from pipeline.ledger import INTAKE_MANIFEST, Manifests
from pipeline.manifest import Reading
from pipeline.store import Store
from tests.recordings import make_call, write_jsonl

Meanwhile = Callable[[Path], None]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, server_url: str, namespace: str, tmp_path: Path) -> None:
    for name in [each for each in os.environ if each.startswith("GONG_")]:
        monkeypatch.delenv(name)
    settings = {
        "CONFIG": os.devnull,
        "REDIS_URL": server_url,
        "NAMESPACE": namespace,
        "MEDIA_ROOTS": str(tmp_path),
    }
    for name, text in settings.items():
        monkeypatch.setenv(f"GONG_INGEST_{name}", text)


def rows(*names: str) -> list[dict[str, Any]]:
    """More than is read at one go, if they are many."""
    url, title = "https://recordings.example.org", "x" * 1000
    return [{"call": make_call(name, downloadMediaUrl=f"{url}/{name}.mp3", title=title)} for name in names]


NAMES = [f"pbx-{number}" for number in range(300)]
CHANGED = [*rows(*(f"new-{number}" for number in range(299))), {"call": {"title": "x" * 1000}}]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "calls.jsonl"
    write_jsonl(path, rows(*NAMES))
    return path


def hand_in(manifest: Path, **options: Any) -> int:
    return run_backfill(Wanted(manifest, Reading(), waits=False, **options))


def names_in(store: Store, batch: str = "calls") -> list[str | None]:
    return [each.client_unique_id for each in Manifests(store).records(batch)]


def rename_over(manifest: Path) -> None:
    """Save as editors do: another file takes the place."""
    other = manifest.with_suffix(".new")
    write_jsonl(other, CHANGED)
    other.replace(manifest)


def write_into(manifest: Path) -> None:
    write_jsonl(manifest, CHANGED)


@pytest.mark.parametrize("change", [rename_over, write_into])
def test_what_changed_while_it_was_checked_is_handed_in_as_it_stands_and_looked_at(
    change: Meanwhile,
    manifest: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def check(*args: Any, **options: Any) -> Before:
        before = check_before(*args, **options)
        change(manifest)
        return before

    monkeypatch.setattr(run_module, "check_before", check)

    code = hand_in(manifest)

    told = capsys.readouterr().err
    assert f"{manifest} changed while it was checked: what stands there now is handed in" in told
    assert f"{manifest}:300: clientUniqueId: " in told
    assert code == 3
    assert names_in(store) == [*(f"new-{number}" for number in range(299)), None]


@pytest.mark.parametrize("change", [rename_over, write_into])
def test_what_changes_before_it_is_read_is_not_taken_for_checked(
    change: Meanwhile,
    manifest: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def after_the_check(rows: Any, _states: Any) -> Any:
        change(manifest)
        return rows

    monkeypatch.setattr(run_module, "with_those_done", after_the_check)

    hand_in(manifest)

    assert f"{manifest} changed while it was handed in" in capsys.readouterr().err
    # What an editor saved is another file, and the one that was checked is read to its end.
    assert names_in(store)[-1] == (None if change is write_into else NAMES[-1])


def test_another_export_of_the_same_name_takes_nobodys_place(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    january, february, copy = (tmp_path / month / "calls.jsonl" for month in ("january", "february", "copy"))
    for path in (january, february, copy):
        path.parent.mkdir()
        write_jsonl(path, rows(f"{'january' if path is copy else path.parent.name}-1"))
    hand_in(january)

    assert hand_in(copy) == 0  # moved, and the same
    with pytest.raises(SettingsInvalid, match=f"The batch calls is that of {copy}. If {february} is"):
        hand_in(february)
    assert names_in(store) == ["january-1"]

    hand_in(february, batch="february")
    assert (names_in(store), names_in(store, "february")) == (["january-1"], ["february-1"])

    capsys.readouterr()
    hand_in(february, batch="calls")
    assert f"{february} goes on in the place of {copy}" in capsys.readouterr().err


def test_a_manifest_that_grew_where_it_lies_is_the_same(manifest: Path, store: Store) -> None:
    hand_in(manifest)
    write_jsonl(manifest, rows(*NAMES, "pbx-300"))

    assert hand_in(manifest) == 0
    assert len(names_in(store)) == 301


def test_rejected_rows_of_one_of_several_manifests_have_to_say_of_which(tmp_path: Path, store: Store) -> None:
    intake = Manifests(store)
    intake.close("both", intake.open("both", INTAKE_MANIFEST))
    wrong = {"call": make_call("pbx-1", direction="x", downloadMediaUrl="https://example.org/1.mp3")}
    for name in ("a", "b"):
        write_jsonl(tmp_path / f"{name}.jsonl", [wrong])
        assert hand_in(tmp_path / f"{name}.jsonl", batch="both", rejected=tmp_path / "bad.jsonl") == 3
    (bad := tmp_path / "bad.jsonl").write_text(bad.read_text().replace('"x"', '"Inbound"'))

    says = rf"several manifests, and {bad} .*named after it: a\.rejected\.jsonl or b\.rejected\.jsonl\."
    with pytest.raises(SettingsInvalid, match=says):
        hand_in(bad, batch="both")
    assert bad.is_file()

    assert hand_in(bad.rename(tmp_path / "b.rejected.jsonl"), batch="both") == 0
    found = [(each.manifest, each.line, each.state) for each in Manifests(store).records("both")]
    assert found == [("a", 1, "rejected"), ("b", 1, "pending")]


def test_rejected_rows_stand_in_the_manifest_beside_which_there_are_but_messages_that_were_refused(
    tmp_path: Path, store: Store
) -> None:
    intake = Manifests(store)
    intake.close("calls", intake.open("calls", INTAKE_MANIFEST))
    bad = tmp_path / "bad.jsonl"
    wrong = make_call("pbx-1", direction="x", downloadMediaUrl="https://example.org/1.mp3")
    write_jsonl(tmp_path / "calls.jsonl", [{"call": wrong}])
    hand_in(tmp_path / "calls.jsonl", rejected=bad)
    bad.write_text(bad.read_text().replace('"x"', '"Inbound"'))

    assert hand_in(bad, batch="calls") == 0
    found = [(each.manifest, each.line, each.state) for each in Manifests(store).records("calls")]
    assert found == [("calls", 1, "pending")]
