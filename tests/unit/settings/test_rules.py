"""The rules that settings are held to, each with the sentence for whoever breaks it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings

RULES: list[tuple[dict[str, Any], str]] = [
    ({"access_key": "a"}, "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET go together"),
    ({"access_key_secret": "a"}, "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET go together"),
    ({"access_key": "a", "access_key_secret": "b", "access_token": "c"}, "exclude each other"),
    *(
        ({"base_url": address}, "GONG_BASE_URL must be like https://us-1234.api.gong.io")
        for address in (
            "us-1.api.gong.io",
            "http://us-1.api.gong.io",
            "https://",
            "ftp://127.0.0.1",
            "https://us-1.api.gong.io?x=1",
            "https://us-1.api.gong.io#x",
            "https://key:secret@us-1.api.gong.io",
            "https://us-1.api.gong.io:port",
            "https://[::1",
        )
    ),
    *(
        ({"redis_url": address}, "GONG_INGEST_REDIS_URL must be like redis://")
        for address in (
            "ledger:6379",
            "http://ledger",
            "redis://",
            "redis:///0",
            "unix://",
            "redis://ledger:port/0",
            "redis://[::1",
            "redis://user:pass/word@ledger/0",
            "redis://user:pass?word@ledger/0",
            "redis://user:pass#word@ledger/0",
        )
    ),
    *(({"namespace": name}, "GONG_INGEST_NAMESPACE may hold") for name in ("", "a b", "a:b", "a*", "-")),
    ({"log_level": "debug"}, "GONG_INGEST_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR."),
    *(({"concurrency": n}, "GONG_INGEST_CONCURRENCY must be between 1 and 256.") for n in (0, 257)),
    *(({"lease_ttl_s": n}, "GONG_INGEST_LEASE_TTL_S must be between 2, for") for n in (1.9, 30_000)),
    ({"backoff_base_s": 0}, "GONG_INGEST_BACKOFF_BASE_S must be above 0"),
    ({"backoff_base_s": 9, "backoff_cap_s": 8}, "at most GONG_INGEST_BACKOFF_CAP_S"),
    ({"backoff_cap_s": 300_000}, "GONG_INGEST_BACKOFF_CAP_S must be at most 86400"),
    *(
        ({"stop_grace_s": n}, "GONG_INGEST_STOP_GRACE_S must not be negative, and be at most 86400")
        for n in (-1, 100_000)
    ),
    ({"attempts_max": 0}, "GONG_INGEST_ATTEMPTS_MAX must be at least 1."),
    ({"failures_to_close": 0}, "GONG_INGEST_FAILURES_TO_CLOSE must be at least 1."),
    *(
        ({"requests_per_second": n}, "REQUESTS_PER_SECOND must be above 0 and at most 10000.")
        for n in (0, -1, 10_001)
    ),
    ({"requests_per_day": 0}, "GONG_INGEST_REQUESTS_PER_DAY must be at least 1."),
    *(({"rate_margin": n}, "GONG_INGEST_RATE_MARGIN must be between 0 and 0.1.") for n in (-0.01, 0.11)),
    *(({"burst": n}, "GONG_INGEST_BURST must be between 1 and 100.") for n in (0, 101)),
    *(
        (
            {"day_window": zone},
            "GONG_INGEST_DAY_WINDOW must be rolling or the name of a time zone, like America/New_York.",
        )
        for zone in ("Mars/Olympus", "../etc/passwd", "America", "", "-3")
    ),
    *(({"live_share": n}, "GONG_INGEST_LIVE_SHARE must be between 0 and 0.9.") for n in (-0.1, 0.91)),
    *(
        (values, "REQUEST_DEADLINE_S must not shrink so.")
        for values in (
            {"connect_timeout_s": 0},
            {"connect_timeout_s": 61},
            {"read_timeout_s": 91},
            {"request_deadline_s": 59},
        )
    ),
    ({"upload_bytes_per_s_min": 0}, "GONG_INGEST_UPLOAD_BYTES_PER_S_MIN must be at least 1."),
]


@pytest.mark.parametrize(("values", "sentence"), RULES, ids=[str(values) for values, _ in RULES])
def test_what_breaks_a_rule_is_refused_with_its_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        Settings(**values)

    assert sentence in str(caught.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsInvalid, match=r"BURST must be .* GONG_INGEST_ATTEMPTS_MAX must be "):
        Settings(burst=0, attempts_max=0)


def test_a_refused_address_of_the_server_is_not_repeated() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        Settings(redis_url="redis://user:hidden/word@ledger/0")

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "http://127.0.0.1:8080"},
        {"base_url": "http://[::1]:8080"},
        {"base_url": "http://localhost"},
        {"base_url": "https://us-1.api.gong.io/prefix"},
        {"redis_url": "unix:///run/valkey.sock"},
        {"redis_url": "redis://:a%2Fb%40c@[::1]:6379/0"},
        {"lease_ttl_s": 2, "rate_margin": 0.1, "burst": 100, "live_share": 0.9, "concurrency": 256},
    ],
)
def test_what_keeps_the_rules_is_taken(values: dict[str, Any]) -> None:
    Settings(**values)


def test_the_api_cannot_be_called_without_address_and_credentials() -> None:
    with pytest.raises(
        SettingsInvalid, match=r"Not set: GONG_BASE_URL .*; GONG_ACCESS_KEY and .* \(or GONG_"
    ):
        Settings().require_credentials()


@pytest.mark.parametrize(
    "credentials", [{"access_token": "t"}, {"access_key": "k", "access_key_secret": "s"}]
)
def test_either_kind_of_credentials_will_do(credentials: dict[str, Any]) -> None:
    Settings(base_url="https://us-1.api.gong.io", **credentials).require_credentials()


def test_settings_do_not_change() -> None:
    settings: Any = Settings()

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.burst = 2
