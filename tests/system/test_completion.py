"""What a TAB completes, in real shells, and what it leaves alone."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import MappingProxyType

import pytest

from pipeline.embedded import embedded_server
from pipeline.store import ANSWER_TIMEOUT_S
from tests.recordings import make_recordings
from tests.servers import Server, running_server
from tests.system.machine import NONE, Machine, Settings
from tests.waiting import await_true

SCRIPTS = Path(sys.executable).parent
# How each shell is started without its user's files, and what it needs to know before the script.
SHELLS: Mapping[str, tuple[list[str], str]] = MappingProxyType(
    {
        "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(gong-ingest completion bash)"),
        "zsh": (
            ["zsh", "-f", "-i"],
            "autoload -Uz compinit; compinit -u; source <(gong-ingest completion zsh)",
        ),
        "fish": (["fish", "--no-config", "-i"], "gong-ingest completion fish | source"),
    }
)
INSTALLED = [name for name in SHELLS if name == "bash" or shutil.which(name)]
TAB, BEGIN_OF_LINE, END_OF_LINE, ENTER = "\t", "\x01", "\x05", "\r"
CONFIG = '[acme]\nburst = 1\n[globex]\nburst = 2\nnamespace = "other"\n'


class Shell:
    """An interactive shell in a terminal that completes `gong-ingest`."""

    def __init__(self, name: str, machine: Machine) -> None:
        command, prepare = SHELLS[name]
        self._folder = machine.folder
        environment = machine.environment(NONE)
        environment |= {"TERM": "xterm", "PATH": f"{SCRIPTS}{os.pathsep}{environment['PATH']}"}
        self._mine, its = pty.openpty()
        # Fish wants a terminal that is its own: the one that the leader of a session opens first.
        command = ["sh", "-c", f'exec "$@" < {os.ttyname(its)} > {os.ttyname(its)} 2>&1', "sh", *command]
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=machine.folder,
            start_new_session=True,
        )
        self._its = its
        self.shown = b""
        self._reader = Thread(target=self._read)
        self._reader.start()
        self._type(f"{prepare}{ENTER}")

    def completed(self, line: str) -> str:
        """Type a line and TAB, and give what the line is then, as the shell takes it apart."""
        written = self._folder / "line"
        written.unlink(missing_ok=True)
        keys = f"{line}{TAB}{BEGIN_OF_LINE}printf '%s|' {END_OF_LINE} > line.new; mv line.new line{ENTER}"
        self._type(keys)
        await_true(written.exists, f"the shell runs the line; it showed {self.shown!r}", within_s=30)
        return written.read_text("utf-8").rstrip("|")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._its)
        self._reader.join()
        os.close(self._mine)

    def _type(self, keys: str) -> None:
        os.write(self._mine, keys.encode())

    def _read(self) -> None:
        with suppress(OSError):  # so Linux tells that the other end was closed
            while read := os.read(self._mine, 4096):
                self.shown += read


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def machine(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with two profiles, and two batches on a server that both use."""
    folder = tmp_path_factory.mktemp("completion")
    recordings = make_recordings(folder / "recordings", 1)
    config = folder / "config.toml"
    config.write_text(CONFIG)
    settings: dict[str, str | None] = {
        "GONG_BASE_URL": "http://127.0.0.1:1",
        "GONG_INGEST_REDIS_URL": server.url,
        "GONG_INGEST_CONFIG": str(config),
    }
    with Machine(folder / "machine", settings) as made:
        for batch, profile in (("march 2026", None), ("other's", "globex")):
            finished = made.run(
                "backfill",
                recordings.manifest,
                "--batch",
                batch,
                "--no-wait",
                settings={"GONG_INGEST_PROFILE": profile},
            )
            assert finished.code == 0, finished.written
        yield made


@contextmanager
def open_shell(name: str, machine: Machine) -> Iterator[Shell]:
    shell = Shell(name, machine)
    try:
        yield shell
    finally:
        shell.close()


@pytest.mark.parametrize("name", INSTALLED)
def test_a_shell_completes_commands_options_batches_and_profiles(name: str, machine: Machine) -> None:
    with open_shell(name, machine) as shell:
        assert shell.completed("gong-ingest ret") == "gong-ingest|retry"
        assert shell.completed("gong-ingest gate cl") == "gong-ingest|gate|close"
        assert (
            shell.completed("gong-ingest limits --requests-per-s")
            == "gong-ingest|limits|--requests-per-second"
        )
        await_completed(shell, "gong-ingest status mar", "gong-ingest|status|march 2026")
        assert shell.completed("gong-ingest --profile gl") == "gong-ingest|--profile|globex"
        await_completed(
            shell,
            "gong-ingest --profile globex status o",
            "gong-ingest|--profile|globex|status|other's",
        )
        assert shell.completed("gong-ingest profiles show a") == "gong-ingest|profiles|show|acme"


def await_completed(shell: Shell, line: str, expected: str) -> None:
    """Press TAB until a batch is completed: on a busy machine the ledger may not answer in time."""
    await_true(lambda: shell.completed(line) == expected, f"{line!r} is completed", within_s=30)


def complete(machine: Machine, line: str, settings: Settings = NONE) -> list[str]:
    """Ask for completions as bash does; nothing may be written but names."""
    words = shlex.split(line)
    asking = {
        "_GONG_INGEST_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - (not line.endswith(" "))),
    }
    finished = machine.run(settings=asking | dict(settings))
    assert (finished.code, finished.stderr) == (0, "")
    return [line.removeprefix("plain,") for line in finished.stdout.splitlines() if line]


def await_names(machine: Machine, line: str, expected: list[str], settings: Settings = NONE) -> None:
    await_true(lambda: complete(machine, line, settings) == expected, f"{line!r} is completed", within_s=30)


def test_a_batch_is_completed_wherever_a_command_takes_one(machine: Machine) -> None:
    for command in ("status", "retry", "backfill --batch"):
        await_names(machine, f"gong-ingest {command} mar", [r"march\\ 2026"])


def test_a_server_that_does_not_answer_is_not_waited_for(machine: Machine, server: Server) -> None:
    server.freeze()
    try:
        began = time.monotonic()
        assert complete(machine, "gong-ingest status mar") == []
        assert time.monotonic() - began < ANSWER_TIMEOUT_S
    finally:
        server.thaw()


@pytest.mark.parametrize(
    "settings",
    [
        {"GONG_INGEST_REDIS_URL": "redis://127.0.0.1:1/0"},
        {"GONG_INGEST_REDIS_URL": "nonsense"},
        {"GONG_INGEST_PROFILE": "unknown"},
        {"GONG_INGEST_BURST": "many"},
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_no_matter_at_a_prompt(machine: Machine, settings: dict[str, str]) -> None:
    assert complete(machine, "gong-ingest status ", settings) == []


def test_a_command_for_the_servers_address_is_not_run_at_a_prompt(machine: Machine, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[acme]\nredis_url = {{ command = ['touch', '{tmp_path}/asked'] }}")
    settings = {"GONG_INGEST_CONFIG": str(config), "GONG_INGEST_REDIS_URL": None}

    assert complete(machine, "gong-ingest --profile acme status ", settings) == []
    assert not (tmp_path / "asked").exists()


def test_an_embedded_server_is_asked_if_it_runs_and_is_not_started(machine: Machine, tmp_path: Path) -> None:
    settings: Settings = {"GONG_INGEST_REDIS_URL": None, "GONG_INGEST_DATA_DIR": str(tmp_path / "data")}
    assert complete(machine, "gong-ingest status ", settings) == []
    assert not (tmp_path / "data").exists()

    recordings = make_recordings(tmp_path / "recordings", 1)
    with embedded_server(tmp_path / "data") as url:
        handed_in = machine.run(
            "backfill", recordings.manifest, "--no-wait", settings={"GONG_INGEST_REDIS_URL": url}
        )
        assert handed_in.code == 0, handed_in.written
        await_names(machine, "gong-ingest status ", ["calls"], settings)


def test_a_shell_that_is_not_known_is_refused(machine: Machine) -> None:
    finished = machine.run("completion", "csh")

    assert finished.code == 2
    assert "'bash', 'zsh', 'fish'" in finished.stderr
