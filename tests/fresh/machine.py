"""A machine of its own out of a root: systemd is its first process, and no network reaches in or out of it.

What is installed there needs the network, so commands may run beside the machine: with its files, processes
and services, but before this machine's network. Its services never see that, and take nobody's ports.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fresh.root import NONE, SOURCE, Root, carried, program
from tests.waiting import await_true

BOOTED_WITHIN_S = 60.0
OFF_WITHIN_S = 60.0
# systemd has started what it was to start; "degraded": a unit that makes no sense in a container failed.
UP = {"running", "degraded"}


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that runs.

    Attributes:
        init: The first process, as this machine numbers it.
    """

    root: Root
    init: int

    def run(
        self, script: str, *, network: bool = False, env: Mapping[str, str] = NONE, within_s: float = 600.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of bash as root in the folder of the clone.

        Args:
            network: Before the network of this machine instead of its own.
        """
        return subprocess.run(
            self._command(script, network=network, env=env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )

    def done(self, script: str) -> str:
        """Run a script that must end well; gives what it printed."""
        process = self.run(script)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout.strip()

    def start(self, script: str) -> subprocess.Popen[str]:
        """Start a script whose output is read while it runs."""
        return subprocess.Popen(
            self._command(script), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def journal(self) -> str:
        """Give all that its services said."""
        return self.done("journalctl --no-pager --output=cat")

    def _command(self, script: str, *, network: bool = False, env: Mapping[str, str] = NONE) -> list[str]:
        own = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            **carried(),
            **env,
        }
        spaces = ["--mount", "--uts", "--ipc", "--pid", "--cgroup", *([] if network else ["--net"])]
        variables = [f"{name}={value}" for name, value in own.items()]
        folder = f"cd {SOURCE} && "
        return [
            *(program("nsenter"), f"--target={self.init}", *spaces, "--root", "--wd"),
            *("/usr/bin/env", "--ignore-environment", *variables, "/bin/bash", "-e", "-c", folder + script),
        ]


@contextmanager
def booted(root: Root) -> Iterator[Machine]:
    """Start a machine, and switch it off at the end."""
    with tempfile.TemporaryFile() as console:
        process = subprocess.Popen(
            root.nspawn("--boot", "--console=pipe", "--private-network"),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        )
        try:
            machine = Machine(root, _init_of(process))
            await_true(lambda: _is_up(machine), "the machine is up", within_s=BOOTED_WITHIN_S)
            yield machine
        finally:
            # Asked once, it switches its machine off in order; asked twice, at once.
            process.terminate()
            try:
                process.wait(OFF_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.wait()


def _init_of(process: subprocess.Popen[bytes]) -> int:
    """Give the first process of the machine that it holds, once that is systemd and not what starts it."""
    await_true(lambda: _found(process), "the machine has a first process", within_s=BOOTED_WITHIN_S)
    return _found(process)


def _found(process: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("utf-8").split()
    for child in children:
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{child}/comm").read_text("utf-8") == "systemd\n":
                return int(child)
    return 0


def _is_up(machine: Machine) -> bool:
    return machine.run("systemctl is-system-running").stdout.strip() in UP
