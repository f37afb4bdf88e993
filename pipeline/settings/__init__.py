"""Every setting with its unit and default; the only reader of the environment.

Invariants: a `Settings` object is frozen and has been checked as a whole, so nobody below checks it again.
Unknown names with the project's prefix are refused, since a misspelt limit would otherwise pass unseen.
Every secret may be given as `NAME_FILE`, the path of a file that holds it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from pipeline.errors import SettingsInvalid
from pipeline.settings.address import REDIS_ADDRESS, is_api_address, is_redis_address, is_zone
from pipeline.settings.environment import PREFIX, read_environment, refuse_unknown

# A heartbeat looks every half second, and a renewal may have to be sent twice.
LEASE_MIN_S, HOUR_S, DAY_S = 2, 3600, 86_400


def _setting(
    default: Any, help_text: str, *, parse: str = "str", name: str = "", secret: bool = False
) -> Any:
    """Describe a setting: its default, its help text, how it is read, and its variable if not prefixed."""
    return field(default=default, repr=not secret, metadata=_described(help_text, parse, name))


def _described(help_text: str, parse: str, name: str = "") -> dict[str, str]:
    return {"help": help_text, "parse": parse, "name": name}


def default_data_dir() -> Path:
    """Give the platform's own place for data of the user's programs."""
    return platformdirs.user_data_path("gong-ingest", appauthor=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process, checked against each other when they are made.

    Raises:
        SettingsInvalid: A value is out of its bounds, or two of them contradict each other.
    """

    base_url: str | None = _setting(
        None, "address of the API, shown on Gong's page of API keys", name="GONG_BASE_URL"
    )
    access_key: str | None = _setting(None, "access key of the API", name="GONG_ACCESS_KEY", secret=True)
    access_key_secret: str | None = _setting(
        None, "secret that belongs to the access key", name="GONG_ACCESS_KEY_SECRET", secret=True
    )
    access_token: str | None = _setting(
        None, "OAuth access token, instead of a key and its secret", name="GONG_ACCESS_TOKEN", secret=True
    )
    redis_url: str | None = _setting(
        None, "server of the ledger and the broker; without it one is started in DATA_DIR", secret=True
    )
    namespace: str = _setting("gong-ingest", "what every key in Redis starts with")
    data_dir: Path = field(
        default_factory=default_data_dir,
        metadata=_described("folder of the embedded server and of the logs", "path_value"),
    )
    media_roots: tuple[Path, ...] = _setting(
        (), "folders below which media may lie, separated by colons", parse="path_list"
    )
    concurrency: int = _setting(4, "processes of a worker for each of its queues", parse="int")
    requests_per_second: float = _setting(3.0, "the API's limit for the company", parse="float")
    requests_per_day: int = _setting(10_000, "the API's limit for the company", parse="int")
    day_window: str = _setting(
        "rolling", "the API's day: rolling, or the time zone at whose midnight it begins"
    )
    rate_margin: float = _setting(0.01, "share of the allowed rate that is left unused", parse="float")
    burst: int = _setting(1, "requests that may leave at once after a pause", parse="int")
    live_share: float = _setting(0.1, "share of the day's budget kept for the live lane", parse="float")
    connect_timeout_s: float = _setting(10.0, "for the connection to the API", parse="float")
    read_timeout_s: float = _setting(60.0, "for each silence of the API", parse="float")
    request_deadline_s: float = _setting(
        90.0, "for a whole request, beside its upload's bytes", parse="float"
    )
    upload_bytes_per_s_min: int = _setting(100_000, "slower uploads are given up", parse="int")
    lease_ttl_s: float = _setting(30.0, "after which a silent worker's job is claimed again", parse="float")
    attempts_max: int = _setting(20, "failed attempts after which a job is dead", parse="int")
    backoff_base_s: float = _setting(1.0, "bound of the first wait after a failure", parse="float")
    backoff_cap_s: float = _setting(300.0, "bound of every wait after a failure", parse="float")
    stop_grace_s: float = _setting(20.0, "a stopping worker hands back what takes longer", parse="float")
    failures_to_close: int = _setting(5, "failures in a row that close the gate", parse="int")
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")

    def __post_init__(self) -> None:
        problems = [sentence for holds, sentence in self._rules() if not holds]
        if problems:
            raise SettingsInvalid(" ".join(problems))

    @classmethod
    def from_env(cls, **overrides: Any) -> Settings:
        """Read the settings from the environment; keyword arguments win over it.

        Raises:
            SettingsInvalid: A variable is unknown, has the wrong form, or contradicts another.
        """
        names = {variable_of(setting.name): setting for setting in fields(cls)}
        refuse_unknown(names)
        read = read_environment({name: setting.metadata["parse"] for name, setting in names.items()})
        return cls(**({names[name].name: value for name, value in read.items()} | overrides))

    def require_credentials(self) -> None:
        """Check that the API can be called at all.

        Raises:
            SettingsInvalid: The address or the credentials are missing.
        """
        missing = []
        if not self.base_url:
            missing.append("GONG_BASE_URL (the address on Gong's page of API keys)")
        if not self.access_token and not self.access_key:
            missing.append("GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET (or GONG_ACCESS_TOKEN)")
        if missing:
            raise SettingsInvalid(f"Not set: {'; '.join(missing)}. Set them in the environment.")

    def _rules(self) -> list[tuple[bool, str]]:
        """List what must hold, each with the sentence for when it does not."""
        return [
            *self._rules_of_credentials(),
            *self._rules_of_limits(),
            (
                not self.redis_url or is_redis_address(self.redis_url),
                f"{PREFIX}REDIS_URL must be {REDIS_ADDRESS}.",
            ),
            (
                bool(self.namespace) and self.namespace.replace("-", "").replace("_", "").isalnum(),
                f"{PREFIX}NAMESPACE may hold letters, digits, '-' and '_' only.",
            ),
            (
                self.log_level in {"DEBUG", "INFO", "WARNING", "ERROR"},
                f"{PREFIX}LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.",
            ),
            (1 <= self.concurrency <= 256, f"{PREFIX}CONCURRENCY must be between 1 and 256."),
            *self._rules_of_time(),
            (self.attempts_max >= 1, f"{PREFIX}ATTEMPTS_MAX must be at least 1."),
            (self.failures_to_close >= 1, f"{PREFIX}FAILURES_TO_CLOSE must be at least 1."),
        ]

    def _rules_of_time(self) -> list[tuple[bool, str]]:
        return [
            (
                LEASE_MIN_S <= self.lease_ttl_s <= HOUR_S,
                f"{PREFIX}LEASE_TTL_S must be between 2, for a heartbeat in time, and 3600, an hour.",
            ),
            (
                0 < self.backoff_base_s <= self.backoff_cap_s,
                f"{PREFIX}BACKOFF_BASE_S must be above 0 and at most {PREFIX}BACKOFF_CAP_S.",
            ),
            (self.backoff_cap_s <= DAY_S, f"{PREFIX}BACKOFF_CAP_S must be at most 86400, a day."),
            (
                0 <= self.stop_grace_s <= DAY_S,
                f"{PREFIX}STOP_GRACE_S must not be negative, and be at most 86400, a day.",
            ),
            (
                0 < self.connect_timeout_s <= self.read_timeout_s <= self.request_deadline_s,
                f"{PREFIX}CONNECT_TIMEOUT_S, READ_TIMEOUT_S, REQUEST_DEADLINE_S must not shrink so.",
            ),
        ]

    def _rules_of_credentials(self) -> list[tuple[bool, str]]:
        return [
            (
                bool(self.access_key) == bool(self.access_key_secret),
                "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET go together: set both.",
            ),
            (
                not (self.access_key and self.access_token),
                "GONG_ACCESS_KEY and GONG_ACCESS_TOKEN exclude each other: set one of them.",
            ),
            (
                self.base_url is None or is_api_address(self.base_url),
                "GONG_BASE_URL must be like https://us-1234.api.gong.io (http:// only for this machine).",
            ),
        ]

    def _rules_of_limits(self) -> list[tuple[bool, str]]:
        return [
            (
                0 < self.requests_per_second <= 10_000,
                f"{PREFIX}REQUESTS_PER_SECOND must be above 0 and at most 10000.",
            ),
            (self.requests_per_day >= 1, f"{PREFIX}REQUESTS_PER_DAY must be at least 1."),
            (0 <= self.rate_margin <= 0.1, f"{PREFIX}RATE_MARGIN must be between 0 and 0.1."),
            (1 <= self.burst <= 100, f"{PREFIX}BURST must be between 1 and 100."),
            (0 <= self.live_share <= 0.9, f"{PREFIX}LIVE_SHARE must be between 0 and 0.9."),
            (
                self.day_window == "rolling" or is_zone(self.day_window),
                f"{PREFIX}DAY_WINDOW must be rolling or the name of a time zone, like America/New_York.",
            ),
            (self.upload_bytes_per_s_min >= 1, f"{PREFIX}UPLOAD_BYTES_PER_S_MIN must be at least 1."),
        ]


def variable_of(name: str) -> str:
    """Give the environment variable of a setting by the name of its field."""
    for setting in fields(Settings):
        if setting.name == name:
            return str(setting.metadata["name"] or PREFIX + name.upper())
    raise KeyError(name)


def environment_with(**values: object) -> dict[str, str]:
    """Give the environment of this process with these settings set in it, for a program started from here."""
    environment = dict(os.environ)
    for name, value in values.items():
        variable = variable_of(name)
        environment.pop(f"{variable}_FILE", None)
        environment[variable] = os.pathsep.join(map(str, value)) if isinstance(value, tuple) else str(value)
    return environment
