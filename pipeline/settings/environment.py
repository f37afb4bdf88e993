"""Reads variables of the environment, or the files that they name, and finds what is none of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pipeline.settings.form import Form, WrongForm, of_text

PREFIX = "GONG_INGEST_"
FILE_SUFFIX = "_FILE"
# Which settings hold, beside the environment: the profile's name, and the file in which it stands.
PROFILE, CONFIG = f"{PREFIX}PROFILE", f"{PREFIX}CONFIG"


def unknown_variables(known: Collection[str]) -> list[str]:
    """Say of each variable that has the project's prefix and is no setting what was probably meant."""
    names = {*known, *(name + FILE_SUFFIX for name in known), PROFILE, CONFIG}
    return [_unknown(name, known) for name in os.environ if name.startswith(PREFIX) and name not in names]


def _unknown(name: str, known: Collection[str]) -> str:
    return f"{name} is not a setting{did_you_mean(name, [*known, PROFILE, CONFIG])}"


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Give the end of a sentence about an unknown name: the nearest known one, if any is near."""
    import difflib  # noqa: PLC0415 - takes longer than all that a right name needs

    nearest = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else "."


def read_environment(forms: Mapping[str, Form]) -> tuple[dict[str, Any], list[str]]:
    """Read the variables that are set; gives the values, by setting, and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems = []
    for name, form in forms.items():
        try:
            if (text := _text_of(form.variable)) is not None:
                values[name] = of_text(form.parse, text)
        except WrongForm as wrong:
            problems.append(f"{form.variable} {wrong}")
        except _FileUnreadable as unreadable:
            problems.append(str(unreadable))
    return values, problems


class _FileUnreadable(Exception):
    """The file that a variable names cannot be read."""


def _text_of(variable: str) -> str | None:
    """Give what a variable says, or the file that it names; None if neither is set, or the file is empty."""
    if path := os.environ.get(variable + FILE_SUFFIX):
        try:
            return Path(path).expanduser().read_text("utf-8").strip() or None
        except (OSError, UnicodeError) as error:
            what = error.strerror if isinstance(error, OSError) else "It is not text"
            raise _FileUnreadable(
                f"{variable}{FILE_SUFFIX} must be the path of a readable file, and {path} is not: {what}."
            ) from error
    return os.environ.get(variable, "").strip() or None
