"""Reads variables of the environment, or the files that they name, and refuses what is none of them."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from environs import EnvError, EnvValidationError, FileAwareEnv

from pipeline.errors import SettingsInvalid

PREFIX = "GONG_INGEST_"


def refuse_unknown(known: Collection[str]) -> None:
    """Refuse a variable that has the project's prefix and is none of these.

    Raises:
        SettingsInvalid: With the name that was probably meant.
    """
    for name in os.environ:
        if name.startswith(PREFIX) and name.removesuffix("_FILE") not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else "."
            raise SettingsInvalid(f"{name} is not a setting{hint}")


def read_environment(parse_of: Mapping[str, str]) -> dict[str, Any]:
    """Read the variables that are set, each as it says: `str`, `int`, `float`, `path_value`, `path_list`.

    Raises:
        SettingsInvalid: Some have the wrong form, or lie in a file that cannot be read.
    """
    env = FileAwareEnv(eager=False, strip_whitespace=True)
    values: dict[str, Any] = {}
    for name, parse in parse_of.items():
        if os.environ.get(name) or os.environ.get(f"{name}_FILE"):
            values[name] = _read(env, name, parse)
    try:
        env.seal()
    except EnvError as error:
        raise SettingsInvalid(_sentence(error)) from error
    return values


def _read(env: FileAwareEnv, name: str, parse: str) -> Any:
    text: Callable[[], str] = functools.partial(env.str, name)
    readers: dict[str, Callable[[], Any]] = {
        "str": text,
        "int": lambda: env.int(name),
        "float": lambda: env.float(name),
        "path_value": lambda: _absolute(text()),
        "path_list": lambda: tuple(_absolute(part) for part in text().split(os.pathsep) if part),
    }
    try:
        return readers[parse]()
    except (EnvError, ValueError, OSError) as error:
        raise SettingsInvalid(_of_file(name, error) or _sentence(error)) from error


def _of_file(name: str, error: Exception) -> str:
    """Say that the file in which a variable lies cannot be read, if it is that."""
    reason = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if not isinstance(reason, OSError | UnicodeError):
        return ""
    path = os.environ[f"{name}_FILE"]
    what = reason.strerror if isinstance(reason, OSError) else "It is not text"
    return f"{name}_FILE must be the path of a readable file, and {path} is not: {what}."


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _sentence(error: Exception) -> str:
    if isinstance(error, EnvValidationError):
        messages = error.error_messages
        pairs = messages.items() if isinstance(messages, dict) else [("", messages)]
        return " ".join(f"{name}: {' '.join(map(str, texts))}" for name, texts in pairs)
    return str(error)
