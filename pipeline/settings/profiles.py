"""The file of named profiles: settings for people who work for more than one company.

    default = "acme"

    [acme]
    base_url = "https://us-1234.api.gong.io"
    access_key = "..."
    access_key_secret = { command = ["pass", "gong/acme"] }

A profile's keys are the names of the settings. The one to use is named by `GONG_INGEST_PROFILE`, or by
`default`, or is itself called `default`; without any of these the environment alone counts. What is wrong in
other profiles stops nobody. Whoever may read the file is no concern of it, but secrets in clear are.
"""

from __future__ import annotations

import functools
import logging
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from pipeline.errors import SettingsInvalid
from pipeline.settings.environment import CONFIG, PROFILE, did_you_mean
from pipeline.settings.form import Form, WrongForm, of_toml
from pipeline.settings.secret import MEDIA_SECRETS, secret_of

log = logging.getLogger(__name__)

DEFAULT = "default"
NAME_MAX_CHARACTERS = 40
READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile, as it stands in its file."""

    name: str
    path: Path
    table: Mapping[str, Any]

    def place(self, key: str) -> str:
        """Say where a key stands."""
        return f"{key} in profile {self.name} of {self.path}"

    def read(self, forms: Mapping[str, Form]) -> tuple[dict[str, Any], list[str]]:
        """Read the settings in it; gives the values, and what is wrong with the others."""
        values: dict[str, Any] = {}
        problems = []
        for key, given in self.table.items():
            try:
                values[key] = self._value(key, given, forms)
            except WrongForm as wrong:
                problems.append(f"{self.place(key)} {wrong}")
        return values, problems

    def _value(self, key: str, given: object, forms: Mapping[str, Form]) -> Any:
        if key not in forms:
            raise WrongForm(f"is not a setting{did_you_mean(key, forms)}")
        folder = self.path.parent
        if forms[key].is_secret:
            return secret_of(given, folder, self.place(key))
        return of_toml(forms[key].parse, given, folder)


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles of a file; `default` is the one to use when none is named."""

    path: Path
    default: str | None
    tables: Mapping[str, Mapping[str, Any]]

    def __iter__(self) -> Any:
        return (Profile(name, self.path, table) for name, table in self.tables.items())

    def named(self, name: str) -> Profile:
        """Find a profile.

        Raises:
            SettingsInvalid: There is none of that name.
        """
        if name not in self.tables:
            hint = did_you_mean(name, self.tables)
            there_are = f" There are: {', '.join(self.tables)}." if hint == "." and self.tables else ""
            raise SettingsInvalid(f"There is no profile {name} in {self.path}{hint}{there_are}")
        return Profile(name, self.path, self.tables[name])


def config_path() -> Path:
    """Give the path of the file: what `GONG_INGEST_CONFIG` names, or the platform's own place."""
    if path := os.environ.get(CONFIG):
        return Path(path).expanduser().absolute()
    try:
        return platformdirs.user_config_path("gong-ingest", appauthor=False) / "config.toml"
    except RuntimeError:  # a service's user without a home has no such place
        return Path(os.devnull)


def chosen_profile() -> Profile | None:
    """Give the profile to use; None when the environment alone counts.

    Raises:
        SettingsInvalid: There is no such profile, or the file cannot be read.
    """
    profiles = read_profiles()
    name = os.environ.get(PROFILE) or profiles.default
    return profiles.named(name) if name else None


def read_profiles() -> Profiles:
    """Read the file; without one there are no profiles.

    Raises:
        SettingsInvalid: It cannot be read, is not TOML, or something in it is no profile.
    """
    path = config_path()
    document = _document(path)
    default = document.pop(DEFAULT) if isinstance(document.get(DEFAULT), str) else None
    if problems := [*_wrong_tables(document), *_wrong_default(default, document)]:
        raise SettingsInvalid(" ".join(f"{path}: {problem}" for problem in problems))
    _warn_of_readable(path, document)
    return Profiles(path, default or (DEFAULT if DEFAULT in document else None), document)


def _document(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if os.environ.get(CONFIG):
            raise SettingsInvalid(f"There is no file {path}; {CONFIG} names it.") from None
        return {}
    except OSError as error:
        raise SettingsInvalid(f"The profiles in {path} cannot be read: {error.strerror}.") from error
    import tomllib  # noqa: PLC0415 - only for who has profiles

    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        what = "it is not UTF-8" if isinstance(error, UnicodeError) else str(error)
        raise SettingsInvalid(f"{path} is not TOML: {what}.") from error


def _wrong_tables(document: Mapping[str, Any]) -> list[str]:
    """Say what is no profile; only what may be part of a name of keys and of a folder is a profile's name."""
    problems = []
    for name, table in document.items():
        if not isinstance(table, dict):
            problems.append(f"{name} stands in no profile; write a line with its name in brackets above it.")
        elif not name.replace("-", "").replace("_", "").isalnum() or len(name) > NAME_MAX_CHARACTERS:
            problems.append(
                f"The name of the profile {name!r} may hold letters, digits, '-' and '_' only, "
                f"{NAME_MAX_CHARACTERS} at most."
            )
    return problems


def _wrong_default(default: str | None, document: Mapping[str, Any]) -> list[str]:
    if default is None or default in document:
        return []
    return [f"default names the profile {default}, which is not there{did_you_mean(default, document)}"]


def _warn_of_readable(path: Path, document: Mapping[str, Any]) -> None:
    if os.name != "posix" or not any(map(_has_secret_in_clear, document.values())):
        return
    if path.stat().st_mode & READABLE_BY_OTHERS:
        warn(f"{path} holds a secret and others may read it; run: chmod 600 {path}")


SECRETS = (
    *("access_key_secret", "access_token", "oauth_client_secret", "oauth_refresh_token", "store_key"),
    *("redis_sentinel_password", "webhook_secret"),
    *MEDIA_SECRETS,
)


def _has_secret_in_clear(table: Mapping[str, Any]) -> bool:
    address = table.get("redis_url")
    return any(isinstance(table.get(name), str) for name in SECRETS) or (
        isinstance(address, str) and _has_password(address)
    )


def _has_password(address: str) -> bool:
    try:
        return urlsplit(address).password is not None
    except ValueError:
        return "@" in address


@functools.cache
def warn(sentence: str) -> None:
    """Tell a person once in a process, however often the settings are read."""
    log.warning("%s", sentence)
