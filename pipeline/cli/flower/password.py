"""Who may log in to Flower: whom its own variables name, or else whoever knows a password that is made once.

Invariant: the password stands in a file that only its owner may read, beside the embedded server's data, and
never among the arguments of a process.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SettingsInvalid

USER = "flower"
# Any of these says who may log in (Flower's documentation).
OWN_VARIABLES = ("FLOWER_BASIC_AUTH", "FLOWER_AUTH")
BASIC_AUTH = "FLOWER_BASIC_AUTH"
_LENGTH_BYTES = 18


@dataclass(frozen=True, slots=True)
class Login:
    """How one logs in.

    Attributes:
        variables: What Flower is told, by its environment.
        sentence: What a person is told.
    """

    variables: Mapping[str, str]
    sentence: str


def login_of(folder: Path, *, without: bool) -> Login:
    """Say how one logs in; makes a password the first time.

    Args:
        folder: Where the password lies.
        without: Nobody has to.

    Raises:
        SettingsInvalid: The file cannot be read or written.
    """
    given = [name for name in OWN_VARIABLES if os.environ.get(name)]
    if without:
        if given:
            raise SettingsInvalid(f"{given[0]} is set, so --no-password contradicts it.")
        return Login({}, "Nobody has to log in, so nothing can be changed there.")
    if given:
        return Login({}, f"Log in as {given[0]} says.")
    path = folder / "password"
    try:
        password, is_new = _password(path)
    except OSError as error:
        raise SettingsInvalid(
            f"The password of Flower cannot be kept in {path}: {error.strerror}."
        ) from error
    told = f"the password {password}\nIt is kept in {path}." if is_new else f"the password in {path}."
    return Login({BASIC_AUTH: f"{USER}:{password}"}, f"Log in as {USER} with {told}")


def _password(path: Path) -> tuple[str, bool]:
    """Read the password, or make it; tells whether it is new."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _known(path), False
    password = secrets.token_urlsafe(_LENGTH_BYTES)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{password}\n")
    return password, True


def _known(path: Path) -> str:
    password = path.read_text("utf-8").strip()
    if not password or "," in password or not password.isascii() or not password.isprintable():
        # Flower takes a comma for the end of one login and the begin of the next.
        raise SettingsInvalid(f"{path} holds no password that Flower could use; remove it to get a new one.")
    if path.stat().st_mode & 0o077:
        raise SettingsInvalid(f"Others may read the password of Flower: chmod 600 {path}")
    return password
