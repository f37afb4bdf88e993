"""`gong-ingest map`: a first map, and what a map makes of an export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import ExitCode, main
from pipeline.cli.map import map as map_command
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
