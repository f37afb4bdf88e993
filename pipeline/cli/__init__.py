"""The command line `gong-ingest`, one file a command.

Exit codes are a contract: see `ExitCode`. Standard output carries what a program reads (`--json`, an
address); all else goes to standard error.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import sys
from enum import IntEnum
from typing import Any, TextIO

import click

from pipeline import __version__, interrupts, tracing
from pipeline.cli.choices import BATCHES, profile_option
from pipeline.errors import (
    CredentialsRefused,
    IngestError,
    LedgerRefused,
    LedgerUnreachable,
    ManifestUnreadable,
    SettingsInvalid,
    WorkersFailed,
)

# Objects that are made before garbage is looked for. All that a command imports stays, and to look through it
# again and again takes a tenth of the time of a short one.
GARBAGE_AFTER = 50_000


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    WRONG_USAGE = 2  # or wrong settings
    SOME_FAILED = 3  # finished, but some recordings were rejected, are dead or cancelled
    STOPPED = 4  # before the end; run it again to go on. Or whoever reads what it prints has seen enough
    CREDENTIALS_REFUSED = 5
    LEDGER_UNREACHABLE = 6
    LEDGER_REFUSED = 7
    PROBLEM_FOUND = 8  # by `doctor`


EXIT_CODES: dict[type[IngestError], ExitCode] = {
    SettingsInvalid: ExitCode.WRONG_USAGE,
    ManifestUnreadable: ExitCode.WRONG_USAGE,
    CredentialsRefused: ExitCode.CREDENTIALS_REFUSED,
    LedgerUnreachable: ExitCode.LEDGER_UNREACHABLE,
    LedgerRefused: ExitCode.LEDGER_REFUSED,
    WorkersFailed: ExitCode.STOPPED,
}

# Name of each command: where it lives and its line in the help, so that the help imports none of them.
COMMANDS = {
    "alive": ("pipeline.cli.alive", "Tell whether this machine's workers are alive; for health checks."),
    "api": ("pipeline.cli.api", "Let other systems hand recordings in over HTTP."),
    "authorize": ("pipeline.cli.authorize", "Let a company authorize this program by OAuth."),
    "backfill": ("pipeline.cli.backfill", "Bring the recordings of a manifest into Gong."),
    "cancel": ("pipeline.cli.cancel", "Cancel a batch."),
    "check": ("pipeline.cli.check", "Check a manifest, and say when it would be done."),
    "completion": ("pipeline.cli.completion", "Print the script that lets a shell complete commands."),
    "dead": ("pipeline.cli.dead", "Show what needs a person, by reason."),
    "demo": ("pipeline.cli.demo", "See it work: 40 recordings into a simulated API."),
    "doctor": ("pipeline.cli.doctor", "Look for what is set up wrong, and say what to do."),
    "enqueue": ("pipeline.cli.enqueue", "Hand single recordings in, from standard input."),
    "flower": ("pipeline.cli.flower", "Watch the tasks in a browser."),
    "forget": ("pipeline.cli.forget", "Remove what is finished from the ledger."),
    "gate": ("pipeline.cli.gate", "Stop all requests by hand, or let them go on."),
    "limits": ("pipeline.cli.limits", "Show the limits, or change them while workers run."),
    "map": ("pipeline.cli.map", "Map the columns of another system's export."),
    "pause": ("pipeline.cli.pause", "Let nothing more of a batch begin."),
    "profiles": ("pipeline.cli.profiles", "Show the profiles of several companies, and what they set."),
    "report": ("pipeline.cli.report", "Tell what became of each row of a batch."),
    "requeue": ("pipeline.cli.requeue", "Check the rejected rows of a batch anew."),
    "resume": ("pipeline.cli.resume", "Let a paused batch go on."),
    "retry": ("pipeline.cli.retry", "Bring dead letters and cancelled recordings back."),
    "simulator": ("pipeline.simulator.command", "Run a stand-in for the API."),
    "status": ("pipeline.cli.status", "Show how batches are doing."),
    "token": ("pipeline.cli.token", "Give other systems tokens for the API."),
    "worker": ("pipeline.cli.worker", "Run workers until they are stopped."),
}

# These read no settings, so a profile changes nothing.
WITHOUT_SETTINGS = {"completion", "demo", "map", "simulator"}

HELP_OF_EXIT_CODES = """\b
Exit codes:
  0  everything is done
  2  wrong usage or settings
  3  finished, but some recordings were rejected, are dead or cancelled
  4  stopped before the end; run the same command again to go on
  5  the API refuses the credentials
  6  the server of the ledger is out of reach
  7  the server of the ledger refuses what it is asked to do
  8  doctor found a problem
"""


class Commands(click.Group):
    """The commands, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is not a command")
        _complete_batches(command)
        if cmd_name not in WITHOUT_SETTINGS:
            _add_profile(command)
        return _with_exit_codes(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _with_exit_codes(command: click.Command) -> click.Command:
    """Let the help of a command, and of those below it, end with the exit codes, unless it tells its own."""
    if "Exit codes:" not in (command.epilog or ""):
        command.epilog = "\n\n".join(filter(None, [command.epilog, HELP_OF_EXIT_CODES]))
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _with_exit_codes(below)
    return command


def _add_profile(command: click.Command) -> None:
    """Let `--profile` be written behind a command too, and behind those below it."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _add_profile(below)
    elif not any(parameter.name == "profile" for parameter in command.params):
        profile_option(command)


def _complete_batches(command: click.Command) -> None:
    """Let a shell complete every argument and option that is the name of a batch."""
    for parameter in command.params:
        if parameter.name == "batch":
            parameter.type = BATCHES


@click.command(
    cls=Commands, epilog=HELP_OF_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="gong-ingest")
@profile_option
def cli() -> None:
    """Bring call recordings into Gong: none lost, none doubled, as fast as the API's limits allow.

    \b
    Example:
      export GONG_BASE_URL=https://us-1234.api.gong.io
      export GONG_ACCESS_KEY=... GONG_ACCESS_KEY_SECRET=...
      gong-ingest backfill calls.jsonl --media-root ./recordings
    With a profile for each company (gong-ingest profiles --help):
      gong-ingest --profile acme backfill calls.jsonl --media-root ./recordings
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    # Whoever ends a command with SIGTERM, or closes its terminal, means the same as with Ctrl-C.
    interrupts.install()
    gc.set_threshold(GARBAGE_AFTER)
    try:
        code = _run(arguments)
    finally:
        tracing.end()
        # To look for garbage among all that was imported is a fifth of a short command's time, and it ends.
        gc.freeze()
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    try:
        code = _run_command(arguments)
        for stream in _streams():
            stream.flush()
    except (BrokenPipeError, SystemExit) as ended:
        # Whoever reads has seen enough, as `head` does; click and rich end the program by themselves then.
        if not _leave_unread() and not isinstance(ended.__context__, BrokenPipeError):
            raise
        return ExitCode.STOPPED
    return code


def _run_command(arguments: list[str] | None) -> int:
    try:
        return _code(cli.main(arguments, prog_name="gong-ingest", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        return ExitCode.WRONG_USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return ExitCode.STOPPED
    except IngestError as error:
        click.echo(f"gong-ingest: {error}", err=True)
        return EXIT_CODES.get(type(error), ExitCode.STOPPED)


def _leave_unread() -> bool:
    """Write nothing more to where nobody reads, nor when Python ends; tells whether there is such a place."""
    unread = [stream.fileno() for stream in _streams() if not _is_read(stream)]
    for descriptor in unread:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return bool(unread)


def _streams() -> list[TextIO]:
    """List those that there are: whoever starts a command may have closed one."""
    streams: tuple[TextIO | None, ...] = (sys.stdout, sys.stderr)
    return [stream for stream in streams if stream]


def _is_read(stream: TextIO) -> bool:
    """Tell whether the other end of a pipe is still open; of what is no pipe that is so."""
    look = select.poll()
    look.register(stream.fileno(), 0)
    return not look.poll(0)


def _code(result: Any) -> int:
    """Read a command's exit code from what it returned; nothing means that all went well."""
    return result if isinstance(result, int) else ExitCode.DONE
