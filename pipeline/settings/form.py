"""The form of a setting's value: as text in the environment, and as a value in a TOML file.

Invariants: both give the same values. A sentence about a wrong form shows what should be a number, and
nothing else: all that may be secret is text.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.settings.address import parts_of, scheme_of


class Form(NamedTuple):
    """How one setting is written.

    Attributes:
        variable: Its environment variable.
        parse: `str`, `int`, `float`, `path_value` or `path_list`, of which some may be addresses.
        is_secret: Whether it may also be a command or a file, and is not shown.
    """

    variable: str
    parse: str
    is_secret: bool


class WrongForm(Exception):
    """A value cannot be read; the text goes on after the name of the setting: `must be …`."""


def setting(default: Any, help_text: str, *, parse: str = "str", name: str = "", secret: bool = False) -> Any:
    """Describe a setting: its default, its help text, how it is read, and its variable if not prefixed."""
    return field(default=default, repr=not secret, metadata=described(help_text, parse, name))


def described(help_text: str, parse: str, name: str = "") -> dict[str, str]:
    """Give what is known of a setting beside its default."""
    return {"help": help_text, "parse": parse, "name": name}


WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "path_value": "a path",
    "path_list": "a list of paths",
}
# As a person calls what TOML has.
TOML_WORDS = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list"}


def of_text(parse: str, text: str) -> Any:
    """Read a value from text; relative paths are relative to the current folder.

    Raises:
        WrongForm: It is no such value.
    """
    readers: dict[str, Callable[[str], Any]] = {
        "str": str,
        "int": int,
        "float": _finite,
        "path_value": _path,
        "path_list": lambda joined: tuple(map(_root, parts_of(joined))),
    }
    try:
        return readers[parse](text)
    except ValueError:
        raise WrongForm(f"must be {WORDS[parse]}, not {text!r}.") from None


def text_of(parse: str, value: Any) -> str:
    """Write a value as `of_text` reads it."""
    return os.pathsep.join(map(str, value)) if parse == "path_list" else str(value)


def of_toml(parse: str, value: object, folder: Path) -> Any:
    """Take a value of a TOML file; relative paths are relative to the folder.

    Raises:
        WrongForm: It is no such value.
    """
    match parse, value:
        case "str", str():
            return value.strip()
        case "int", int() if not isinstance(value, bool):
            return value
        case "float", int() | float() if not isinstance(value, bool) and abs(value) <= sys.float_info.max:
            return float(value)
        case "path_value", str() if value:
            return _path(value, folder)
        case "path_list", list() if all(isinstance(part, str) and part for part in value):
            return tuple(_root(part, folder) for part in value)
    raise WrongForm(f"must be {WORDS[parse]}{_but_is(parse, value)}.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _path(text: str, folder: Path | None = None) -> Path:
    try:
        return (folder or Path.cwd()) / Path(text).expanduser()
    except RuntimeError as error:  # ~somebody who is not there
        raise WrongForm(f"names a home that is not known: {text}.") from error


def _root(text: str, folder: Path | None = None) -> Path | str:
    return text if scheme_of(text) else _path(text, folder)


def _but_is(parse: str, value: object) -> str:
    if parse in {"int", "float"}:
        return f", not {str(value).lower() if isinstance(value, bool) else repr(value)}"
    word = TOML_WORDS.get(type(value), "a date" if hasattr(value, "isoformat") else "a table")
    return "" if word in WORDS[parse] else f", not {word}"
