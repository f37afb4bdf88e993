"""Secrets that lie elsewhere: what a command prints, or what a file holds.

Invariants: a secret is read only when it is needed, and once in a process unless it was refused. No sentence
shows what a command printed, nor its arguments, which may hold a secret too. A command is run without a
shell, asked nothing, and ended with all that it started when it is given up.
"""

from __future__ import annotations

import functools
import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from pipeline.errors import SettingsInvalid
from pipeline.settings.form import WrongForm, of_toml

COMMAND_DEADLINE_S = 10.0
SECRET_MAX_BYTES = 64 * 1024
MEDIA_SECRETS = (
    *("media_headers", "sftp_password"),
    *("azure_storage_connection_string", "azure_storage_key"),
)
"""The settings that open places of media."""


@dataclass(frozen=True, slots=True)
class SecretCommand:
    """A program that prints the secret.

    Attributes:
        place: Setting, profile and file in which it stands, for sentences about it.
    """

    arguments: tuple[str, ...]
    place: str

    def read(self) -> str:
        """Run it, unless it was run before.

        Raises:
            SettingsInvalid: It cannot be run, fails, takes too long, or prints anything but one line.
        """
        return _printed_by(self)

    def __str__(self) -> str:
        return f"command {self.arguments[0]}"


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds the secret and nothing else; attributes as those of `SecretCommand`."""

    path: Path
    place: str

    def read(self) -> str:
        """Read it.

        Raises:
            SettingsInvalid: It cannot be read, or holds anything but one line.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise SettingsInvalid(f"{self.place}: {self.path} cannot be read: {error.strerror}.") from error
        return _one_line(content, f"{self.place}: {self.path} holds")

    def __str__(self) -> str:
        return f"file {self.path}"


SecretSource = SecretCommand | SecretFile


class Credentials(TypedDict):
    """What the API asks for: a key and its secret, or a token."""

    access_key: str | None
    access_key_secret: str | None
    access_token: str | None


def read_secret(secret: str | SecretSource | None) -> str | None:
    """Give a secret, wherever it lies.

    Raises:
        SettingsInvalid: It cannot be read.
    """
    return secret.read() if isinstance(secret, SecretCommand | SecretFile) else secret


def secret_of(value: object, folder: Path, place: str) -> str | SecretSource:
    """Take a secret of a TOML file: text, `{ command = ["pass", "name"] }` or `{ file = "path" }`.

    Raises:
        WrongForm: It is none of these.
    """
    match value:
        case str():
            return value.strip()
        case {"command": [str(program), *others], **rest} if program and not rest:
            if all(isinstance(each, str) for each in others):
                return SecretCommand((_program(program, folder), *others), place)
        case {"file": str(path), **rest} if path and not rest:
            return SecretFile(of_toml("path_value", path, folder), place)
    raise WrongForm('must be text, { command = ["PROGRAM", "ARGUMENT"] } or { file = "PATH" }.')


def _program(program: str, folder: Path) -> str:
    """Give a program's path if it is written as one; a bare name is looked for in PATH."""
    is_path = os.sep in program or program.startswith("~")
    return str(of_toml("path_value", program, folder)) if is_path else program


def forget_printed() -> None:
    """Let every command be run anew when its secret is needed again: what it printed was refused."""
    _printed_by.cache_clear()


@functools.cache
def _printed_by(command: SecretCommand) -> str:
    who = f"{command.place}: the command {command.arguments[0]}"
    try:
        process = subprocess.Popen(
            command.arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # What it complains about may show the secret.
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except OSError as error:
        raise SettingsInvalid(f"{who} cannot be run: {error.strerror}.") from error
    with process:
        has_ended = False
        try:
            content, code = _output(process, time.monotonic() + COMMAND_DEADLINE_S)
            has_ended = len(content) <= SECRET_MAX_BYTES
        except (TimeoutError, subprocess.TimeoutExpired):
            raise SettingsInvalid(f"{who} did not end within {COMMAND_DEADLINE_S:g} s.") from None
        finally:
            if not has_ended:
                _end_group(process.pid)
    if code:
        ended = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        raise SettingsInvalid(f"{who} {ended}; run it by hand to see why.")
    return _one_line(content, f"{who} printed")


def _end_group(leader: int) -> None:
    """End a program and all that it started; macOS forbids it where nothing is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _output(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, int]:
    """Read what a process prints until it ends, or prints too much; gives it with the exit code."""
    if process.stdout is None:
        raise ValueError("The process has no pipe.")
    pipe, content = process.stdout.fileno(), b""
    while len(content) <= SECRET_MAX_BYTES:
        if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        if not (chunk := os.read(pipe, SECRET_MAX_BYTES)):
            return content, process.wait(max(0.0, deadline - time.monotonic()))
        content += chunk
    return content, 0


def _one_line(content: bytes, subject: str) -> str:
    """Give the secret without white space around it.

    Raises:
        SettingsInvalid: It is not one line of text; the sentence begins with the subject.
    """
    if len(content) > SECRET_MAX_BYTES:
        raise SettingsInvalid(f"{subject} more than {SECRET_MAX_BYTES} bytes, and not a secret alone.")
    try:
        secret = content.decode().strip()
    except UnicodeError:
        raise SettingsInvalid(f"{subject} what is not text.") from None
    lines = len(secret.splitlines())
    if lines != 1:
        raise SettingsInvalid(f"{subject} {lines or 'no'} lines instead of one, the secret alone.")
    return secret
