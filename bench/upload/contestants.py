"""Who uploads: a worker's way, and curl with or without a hash beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import click

from bench.upload.receivers import KEY, SECRET, Receiver
from tests.simulators import stop

HASH = "import hashlib, sys; print(hashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256').hexdigest())"
Uploads = Sequence[tuple[str, Path]]
"""Ids of calls, each with its media."""


@dataclass(frozen=True, slots=True)
class Run:
    """How long uploads took, and the processor time of the sender and of the receiver for them."""

    seconds: float
    processor_s: float
    receiver_s: float


class Sender:
    """Our own way: a process that was started before, as a worker's is, with its connection open."""

    def __init__(self, process: subprocess.Popen[str], receiver: Receiver) -> None:
        self._process = process
        self._receiver = receiver
        self.idle_bytes = int(self.answer()["memory_bytes"])

    def begin(self, uploads: Uploads) -> None:
        """Let it upload, one after the other."""
        if self._process.stdin is None:
            raise RuntimeError("The sender has no input.")
        self._process.stdin.write(json.dumps([[call, str(path)] for call, path in uploads]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for what it says of them."""
        if self._process.stdout is None:
            raise RuntimeError("The sender has no output.")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def run(self, uploads: Uploads) -> Run:
        """Upload, and say how it went."""
        before_s = processor_s(self._receiver.pid)
        self.begin(uploads)
        answer = self.answer()
        return Run(answer["seconds"], answer["processor_s"], processor_s(self._receiver.pid) - before_s)


@contextmanager
def sender(receiver: Receiver) -> Iterator[Sender]:
    """Run a sender."""
    environment = dict(os.environ)
    if receiver.certificate:
        environment["REQUESTS_CA_BUNDLE"] = str(receiver.certificate)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.upload.sender", receiver.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield Sender(process, receiver)
    finally:
        stop(process)


def curl(receiver: Receiver, uploads: Uploads, *, hashes: bool = False) -> Run:
    """Upload with one curl, which keeps its connection; with a hash of each file beside it if asked for."""
    before_s, used_s, began_s = processor_s(receiver.pid), _children_s(), time.perf_counter()
    hashing = [
        subprocess.Popen([sys.executable, "-c", HASH, str(path)], stdout=subprocess.DEVNULL)
        for _, path in (uploads if hashes else ())
    ]
    command = [require_curl(), "--silent", "--show-error", "--config", "-"]
    finished = subprocess.run(
        command, input=_config(receiver, uploads), capture_output=True, text=True, check=True
    )
    for process in hashing:
        process.wait()
    seconds = time.perf_counter() - began_s
    if finished.stdout.split() != ["201"] * len(uploads):
        raise RuntimeError(f"curl was answered with {finished.stdout.split()}: {finished.stderr}")
    return Run(seconds, _children_s() - used_s, processor_s(receiver.pid) - before_s)


def require_curl() -> str:
    """Give the path of curl.

    Raises:
        ClickException: It is not installed.
    """
    path = shutil.which("curl")
    if path is None:
        raise click.ClickException(
            "Uploads are measured beside curl, which is missing: apt-get install curl."
        )
    return path


def processor_s(pid: int) -> float:
    """Give the processor time that a process used so far."""
    times = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def _config(receiver: Receiver, uploads: Uploads) -> str:
    """Write what curl is to do as it reads it: one transfer after the other on one connection."""
    certificate = f'cacert = "{receiver.certificate}"\n' if receiver.certificate else ""
    return "next\n".join(
        f'url = "{receiver.url}/v2/calls/{call}/media"\nrequest = "PUT"\nuser = "{KEY}:{SECRET}"\n'
        f'form = "mediaFile=@{path};type=audio/wav"\noutput = "/dev/null"\n'
        f'write-out = "%{{http_code}}\\n"\n{certificate}'
        for call, path in uploads
    )


def _children_s() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
