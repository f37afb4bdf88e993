"""Credentials that are replaced while workers run: where they lie is handed on to workers, and read again.

What a worker is started with is what its command read, so a secret's command is run once. Beside it stands
where it came from: `GONG_ACCESS_KEY_FILE`, or `GONG_ACCESS_KEY_COMMAND` with the program and its arguments.
Only when the API refuses the credentials are these read again, in every process that learns of it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from pipeline.settings.environment import FILE_SUFFIX
from pipeline.settings.secret import SecretCommand, SecretFile, SecretSource

COMMAND_SUFFIX = "_COMMAND"


def handed_on(variable: str, value: str | SecretSource | None, text: str | None) -> dict[str, str]:
    """Give the variables that tell a program started from here a secret, and where it came from.

    Args:
        variable: Its environment variable.
        value: What the settings have.
        text: What was read of it.
    """
    if not text:
        return {}
    file = os.environ.get(variable + FILE_SUFFIX)
    match value:
        case SecretFile():
            return {variable + FILE_SUFFIX: str(value.path)}
        case SecretCommand():
            return {variable: text, variable + COMMAND_SUFFIX: shlex.join(value.arguments)}
        case str() if file and value == text_of_file(file):
            return {variable + FILE_SUFFIX: str(Path(file).expanduser().absolute())}
    command = os.environ.get(variable + COMMAND_SUFFIX)
    return {variable: text} | ({variable + COMMAND_SUFFIX: command} if command else {})


def text_of_file(path: str) -> str | None:
    """Read what a variable's file holds now."""
    try:
        return Path(path).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeError):
        return None


def sources_of(variables: Mapping[str, str]) -> dict[str, SecretCommand]:
    """Give the commands that were handed on, by the names of their settings."""
    return {
        name: SecretCommand(tuple(shlex.split(command)), variable + COMMAND_SUFFIX)
        for name, variable in variables.items()
        if (command := os.environ.get(variable + COMMAND_SUFFIX))
    }
