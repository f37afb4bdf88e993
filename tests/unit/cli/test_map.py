"""`gong-ingest map`: a first map, and what a map makes of an export."""

from __future__ import annotations

import errno
import gzip
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import ExitCode, main
from pipeline.cli.map import map as map_command
from pipeline.cli.map import written_to
from pipeline.manifest import Row, read_manifest

EXAMPLES = Path(__file__).parents[3] / "examples" / "mappings"
EXPORT, MAP = EXAMPLES / "dialpad-calls.csv", EXAMPLES / "dialpad-calls.toml"


def run(*arguments: object, standard_input: bytes | None = None) -> Result:
    return CliRunner().invoke(
        map_command, [str(each) for each in arguments], input=standard_input, standalone_mode=False
    )


def ended(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run the whole command line: exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as raised:
        main(["map", *map(str, arguments)])
    written = capsys.readouterr()
    assert isinstance(raised.value.code, int)
    return raised.value.code, written.out, written.err


def test_rows_are_written_as_a_manifest_that_reads_the_same(tmp_path: Path) -> None:
    result = run(EXPORT, "--map", MAP, "--output", tmp_path / "calls.jsonl")
    assert result.return_value == ExitCode.DONE
    rows = list(read_manifest(tmp_path / "calls.jsonl"))
    assert [isinstance(row, Row) and (row.call["clientUniqueId"], row.media) for row in rows] == [
        ("dialpad-5001", "dialpad/5001.mp3"),
        ("dialpad-5003", "dialpad/5003.mp3"),
    ]


def test_only_so_many_rows_are_written_and_the_rest_is_told() -> None:
    result = run(EXPORT, "--map", MAP, "--rows", 1)
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["call"]["actualStart"] == "2026-07-15T00:05:54.388365-06:00"
    assert result.stderr == "1 row mapped, 0 rows rejected.\n"


def test_rows_that_are_left_out_are_counted() -> None:
    result = run(EXPORT, "--map", MAP)
    assert result.stderr == f"2 rows mapped, 0 rows rejected. 1 row was left out, as [rows] of {MAP} says.\n"


def test_rejected_row_is_told_by_its_line_and_gives_the_exit_code(tmp_path: Path) -> None:
    export = tmp_path / "calls.csv"
    export.write_bytes(EXPORT.read_bytes().replace(b"outbound", b"sideways"))
    result = run(export, "--map", MAP)
    assert result.return_value == ExitCode.SOME_FAILED
    assert f"{export}:5: direction (column 'direction'): 'sideways' is none of the words" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_standard_input_is_read_once() -> None:
    result = run("-", "--map", MAP, standard_input=EXPORT.read_bytes())
    assert len(result.stdout.splitlines()) == 2


def test_first_map_is_written_to_a_new_file_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "map.toml"
    assert ended(capsys, "--init", EXPORT, "--output", output)[0] == ExitCode.DONE
    text = output.read_text("utf-8")
    assert 'clientUniqueId = "call_id"' in text
    output.write_text("mine", "utf-8")
    code, _, told = ended(capsys, "--init", EXPORT, "--output", output)
    assert code == ExitCode.WRONG_USAGE
    assert f"{output} exists already" in told
    assert output.read_text("utf-8") == "mine"


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    """An export of many rows, the end of which did not come."""
    header, *rows = EXPORT.read_bytes().splitlines(keepends=True)
    export = tmp_path / "calls.csv.gz"
    export.write_bytes(gzip.compress(header + b"".join(rows) * 1000)[:-20])
    return export


def test_manifest_is_there_whole_or_not_at_all(
    cut_off: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "calls.jsonl"

    for _ in range(2):
        code, _, told = ended(capsys, cut_off, "--map", MAP, "--output", output)
        assert (code, "could not be read beyond" in told) == (ExitCode.WRONG_USAGE, True), told
        assert list(tmp_path.iterdir()) == [cut_off]

    assert run(EXPORT, "--map", MAP, "--output", output).return_value == ExitCode.DONE
    assert len(output.read_text("utf-8").splitlines()) == 2
    assert {each.name for each in tmp_path.iterdir()} == {cut_off.name, output.name}


@pytest.mark.parametrize("has_links", [True, False])
def test_what_came_to_be_there_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    output = tmp_path / "calls.jsonl"

    def without_links(_path: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", without_links)
    assert run(EXPORT, "--map", MAP, "--output", tmp_path / "other.jsonl").return_value == ExitCode.DONE

    def write() -> None:
        with written_to(output) as file:
            file.write("other")
            output.write_text("mine", "utf-8")

    with pytest.raises(click.UsageError, match="exists already"):
        write()

    assert output.read_text("utf-8") == "mine"
    assert {each.name for each in tmp_path.iterdir()} == {"calls.jsonl", "other.jsonl"}


@pytest.mark.skipif(sys.platform != "linux", reason="only there is a device that is always full")
def test_full_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "calls.jsonl"
    monkeypatch.setattr(secrets, "token_hex", lambda _count: "full")
    opened = Path.open

    def on_a_full_disk(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == ".calls.jsonl.full":
            path.symlink_to("/dev/full")
            return opened(path, "w", **options)
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", on_a_full_disk)

    code, _, told = ended(capsys, EXPORT, "--map", MAP, "--output", output)

    assert code == ExitCode.WRONG_USAGE
    assert f"{output} cannot be written: No space left" in told
    assert not list(tmp_path.iterdir())


def test_first_map_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, told = ended(capsys, "--init", EXPORT)
    assert (code, told) == (ExitCode.DONE, "")
    assert text.startswith(f"# A first map of {EXPORT}")


def test_encoding_and_separator_may_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    export = EXAMPLES / "windows-pbx.csv"
    code, text, _ = ended(capsys, "--init", export, "--encoding", "cp1252", "--delimiter", ";")
    assert code == ExitCode.DONE
    assert "Jörg Müller" in text
    assert ended(capsys, "--init", export)[0] == ExitCode.WRONG_USAGE


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((EXPORT,), "Give --init for a first map, or --map"),
        ((EXPORT, "--init", "--map", MAP), "Give --init for a first map, or --map"),
        ((EXPORT, "--map", "none.toml"), "There is no map none.toml"),
        (("none.csv", "--map", MAP), "There is no manifest none.csv"),
        ((EXPORT, "--map", EXPORT), "cannot be read"),
        ((EXPORT, "--map", MAP, "--delimiter", "ab"), "cannot stand between cells"),
        ((EXPORT, "--map", MAP, "--encoding", "foo"), "'foo' is not known"),
        ((EXPORT, "--map", MAP, "--rows", "0"), "x>=1"),
        ((EXPORT, "--map", EXAMPLES / "talkdesk-calls.toml"), "there is no column 'start_at'"),
        ((EXPORT, "--init", "--output", "/nowhere/map.toml"), "cannot be written"),
        (("-", "--map", EXAMPLES / "none.toml"), "There is no map"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(
    arguments: tuple[object, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, written, told = ended(capsys, *arguments)
    assert (code, written) == (ExitCode.WRONG_USAGE, "")
    assert says in told


def test_what_came_of_it_is_told_as_json_beside_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "calls.jsonl"
    code, written, _ = ended(capsys, EXPORT, "--map", MAP, "--output", output, "--json")
    assert (code, json.loads(written)) == (0, {"output": str(output), "mapped": 2, "rejected": 0})
    assert len(output.read_text("utf-8").splitlines()) == 2

    code, written, _ = ended(capsys, EXPORT, "--init", "--output", tmp_path / "map.toml", "--json")
    assert (code, json.loads(written)) == (0, {"output": str(tmp_path / "map.toml")})

    code, written, said = ended(capsys, EXPORT, "--map", MAP, "--json")
    assert (code, written) == (ExitCode.WRONG_USAGE, "")
    assert "--output" in said
