"""What every command has in common: its help, and how it ends."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from pipeline import errors
from pipeline.cli import COMMANDS, EXIT_CODES, HELP_OF_EXIT_CODES, WITHOUT_SETTINGS, ExitCode, cli, main
from pipeline.errors import IngestError

# It prints a script, which is for a program as it is.
WITHOUT_JSON = {("completion",)}


def commands() -> Iterator[tuple[str, ...]]:
    """Give the words of every command, those below `gate` among them."""
    for name in COMMANDS:
        yield (name,)
        command = command_of(name)
        for below in command.commands if isinstance(command, click.Group) else ():
            yield (name, below)


def command_of(*words: str) -> click.Command:
    command: click.Command | None = cli
    for word in words:
        assert isinstance(command, click.Group), words
        command = command.get_command(click.Context(cli), word)
    assert command, words
    return command


def options_of(*words: str) -> set[str]:
    return {option for parameter in command_of(*words).params for option in parameter.opts}


def help_of(*words: str) -> str:
    result = CliRunner().invoke(cli, [*words, "--help"], terminal_width=110)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("words", [(), *commands()], ids=" ".join)
def test_help_has_an_example_of_the_command_and_the_exit_codes(words: tuple[str, ...]) -> None:
    text = help_of(*words)

    _, _, example = text.partition("Example")
    assert " ".join(["gong-ingest", *words]) in example
    assert text.count("Exit codes:") == 1


@pytest.mark.parametrize("words", [*commands()], ids=" ".join)
def test_every_command_that_does_something_writes_json(words: tuple[str, ...]) -> None:
    only_leads_on = (
        isinstance(command := command_of(*words), click.Group) and not command.invoke_without_command
    )
    assert ("--json" in options_of(*words)) != (only_leads_on or words in WITHOUT_JSON)


@pytest.mark.parametrize("words", [*commands()], ids=" ".join)
def test_a_profile_may_be_named_behind_every_command_that_reads_settings(words: tuple[str, ...]) -> None:
    takes_one = words[0] not in WITHOUT_SETTINGS and not isinstance(command_of(*words), click.Group)
    assert ("--profile" in options_of(*words)) == takes_one


def test_help_ends_with_the_exit_codes_however_often_it_is_asked_for() -> None:
    assert help_of("status") == help_of("status")


def test_every_exit_code_is_explained() -> None:
    explained = [line.split()[0] for line in HELP_OF_EXIT_CODES.splitlines()[2:]]
    assert explained == [str(code.value) for code in ExitCode]


def test_every_command_is_listed_with_its_line() -> None:
    text = help_of()
    for name, (_, line) in COMMANDS.items():
        assert any(row.split() == [name, *line.split()] for row in text.splitlines())


def test_the_line_in_the_list_is_no_other_than_the_command_says() -> None:
    """Both begin with the same verb, so that the list does not drift away from the commands."""
    for name, (_, line) in COMMANDS.items():
        own = (cli.get_command(click.Context(cli), name) or cli).get_short_help_str(200)
        assert own.split()[0] == line.split()[0], name


EXPECTED = {
    "SettingsInvalid": 2,
    "ManifestUnreadable": 2,
    "CredentialsRefused": 5,
    "LedgerUnreachable": 6,
    "LedgerRefused": 7,
    "WorkersFailed": 4,
}


def test_errors_that_end_a_command_have_the_exit_codes_of_the_contract() -> None:
    assert {kind.__name__: int(code) for kind, code in EXIT_CODES.items()} == EXPECTED


def all_errors() -> list[type[IngestError]]:
    return [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, IngestError)]


def example_of(kind: type[IngestError]) -> IngestError:
    if issubclass(kind, errors.CallInvalid):
        return kind((errors.Problem("title", "is wrong"),))
    if issubclass(kind, errors.Conflict):
        return kind("pbx-1", state="done", batch="live")
    if issubclass(kind, errors.MessageMalformed):
        return kind(errors.Problem("body", "is wrong"), text="")
    if issubclass(kind, errors.RecordingRefused):
        return kind("code", "It is wrong.")
    if issubclass(kind, errors.RequestFailed):
        return kind("timed_out", "It took too long.", sent=True)
    return kind("It is wrong.")


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_an_error_is_one_line_on_standard_error_and_an_exit_code(
    kind: type[IngestError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = example_of(kind)

    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(SystemExit) as ended:
        main([])

    written = capsys.readouterr()
    assert ended.value.code == EXPECTED.get(kind.__name__, 4)
    assert (written.out, written.err) == ("", f"gong-ingest: {error}\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["backfil"], "backfil"),
        (["backfill"], "MANIFEST"),
        (["backfill", "x.jsonl", "--format", "xml"], "jsonl"),
        (["worker", "--queue", "other"], "calls"),
        (["worker", "--concurrency", "0"], "1<=x<=256"),
        (["flower", "--port", "many"], "--port"),
    ],
)
def test_wrong_usage_is_told_with_what_would_be_right(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == ExitCode.WRONG_USAGE
    written = capsys.readouterr()
    assert written.out == ""
    assert says in written.err
