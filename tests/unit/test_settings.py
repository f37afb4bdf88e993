"""The settings: every variable, every rule with its sentence, and nothing secret in sight."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings, environment_with, variable_of

NAMES = [setting.name for setting in fields(Settings)]
# For each setting a text other than its default, and what it is read as.
TEXTS: dict[str, tuple[str, Any]] = {
    "base_url": ("https://us-1.api.gong.io", "https://us-1.api.gong.io"),
    "access_key": ("key", "key"),
    "access_key_secret": ("very secret", "very secret"),
    "access_token": ("token", "token"),
    "redis_url": ("rediss://user:word@ledger:6380/3", "rediss://user:word@ledger:6380/3"),
    "namespace": ("team-1_a", "team-1_a"),
    "data_dir": ("/data", Path("/data")),
    "media_roots": ("/a:/b c:", (Path("/a"), Path("/b c"))),
    "concurrency": ("8", 8),
    "requests_per_second": ("2.5", 2.5),
    "requests_per_day": ("50000", 50_000),
    "rate_margin": ("0.02", 0.02),
    "burst": ("2", 2),
    "live_share": ("0", 0.0),
    "connect_timeout_s": ("5", 5.0),
    "read_timeout_s": ("45", 45.0),
    "request_deadline_s": ("120.5", 120.5),
    "upload_bytes_per_s_min": ("1", 1),
    "lease_ttl_s": ("12", 12.0),
    "attempts_max": ("3", 3),
    "backoff_base_s": ("0.5", 0.5),
    "backoff_cap_s": ("60", 60.0),
    "stop_grace_s": ("0", 0.0),
    "failures_to_close": ("9", 9),
    "log_level": ("DEBUG", "DEBUG"),
}
# What must be set beside it.
BESIDE = {"access_key": "access_key_secret", "access_key_secret": "access_key"}
SECRETS = ("access_key", "access_key_secret", "access_token", "redis_url")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("GONG_"):
            monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, **texts: str) -> None:
    for name, text in texts.items():
        monkeypatch.setenv(variable_of(name), text)


def test_the_table_of_this_test_is_complete() -> None:
    assert TEXTS.keys() == set(NAMES)


def test_without_any_variable_the_defaults_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.from_env() == Settings()


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, value = TEXTS[name]
    set_all(monkeypatch, **{name: text})
    if beside := BESIDE.get(name):
        set_all(monkeypatch, **{beside: TEXTS[beside][0]})

    settings = Settings.from_env()

    assert getattr(settings, name) == value
    assert type(getattr(settings, name)) is type(value)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    for each in filter(None, [name, BESIDE.get(name)]):
        file = tmp_path / each
        file.write_text(f"{TEXTS[each][0]}\n")
        monkeypatch.setenv(f"{variable_of(each)}_FILE", str(file))

    assert getattr(Settings.from_env(), name) == TEXTS[name][1]


def test_a_file_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONG_ACCESS_TOKEN_FILE", "/nowhere")

    with pytest.raises(SettingsInvalid, match="GONG_ACCESS_TOKEN_FILE must be a readable file path"):
        Settings.from_env()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    set_all(monkeypatch, **{name: ""})

    assert Settings.from_env() == Settings()


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, concurrency="8")

    assert Settings.from_env(concurrency=2).concurrency == 2


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        (
            "GONG_INGEST_REQUEST_PER_SECOND",
            "is not a setting; did you mean GONG_INGEST_REQUESTS_PER_SECOND?",
        ),
        ("GONG_INGEST_CONCURENCY_FILE", "is not a setting; did you mean GONG_INGEST_CONCURRENCY?"),
        ("GONG_INGEST_", "is not a setting"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, variable: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, "1")

    with pytest.raises(SettingsInvalid) as caught:
        Settings.from_env()

    assert str(caught.value).startswith(f"{variable} {sentence}")


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONG_OTHER_TOOL", "1")

    assert Settings.from_env() == Settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [("concurrency", "four"), ("concurrency", "2.5"), ("lease_ttl_s", "nan"), ("requests_per_second", "inf")],
)
def test_what_is_no_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    set_all(monkeypatch, **{name: text})

    with pytest.raises(SettingsInvalid, match=variable_of(name)):
        Settings.from_env()


def test_every_variable_of_a_wrong_form_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, concurrency="x", burst="y")

    with pytest.raises(SettingsInvalid, match=r"GONG_INGEST_CONCURRENCY: .* GONG_INGEST_BURST: "):
        Settings.from_env()


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
    ({"lease_ttl_s": 1.9}, "GONG_INGEST_LEASE_TTL_S must be at least 2"),
    ({"backoff_base_s": 0}, "GONG_INGEST_BACKOFF_BASE_S must be above 0"),
    ({"backoff_base_s": 9, "backoff_cap_s": 8}, "at most GONG_INGEST_BACKOFF_CAP_S"),
    ({"stop_grace_s": -1}, "GONG_INGEST_STOP_GRACE_S must not be negative."),
    ({"attempts_max": 0}, "GONG_INGEST_ATTEMPTS_MAX must be at least 1."),
    ({"failures_to_close": 0}, "GONG_INGEST_FAILURES_TO_CLOSE must be at least 1."),
    *(
        ({"requests_per_second": n}, "REQUESTS_PER_SECOND must be above 0 and at most 10000.")
        for n in (0, -1, 10_001)
    ),
    ({"requests_per_day": 0}, "GONG_INGEST_REQUESTS_PER_DAY must be at least 1."),
    *(({"rate_margin": n}, "GONG_INGEST_RATE_MARGIN must be between 0 and 0.1.") for n in (-0.01, 0.11)),
    *(({"burst": n}, "GONG_INGEST_BURST must be between 1 and 100.") for n in (0, 101)),
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


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_shown(name: str) -> None:
    values: dict[str, Any] = {name: TEXTS[name][0]}
    if beside := BESIDE.get(name):
        values[beside] = TEXTS[beside][0]
    settings = Settings(**values)

    assert TEXTS[name][0] not in repr(settings)
    assert name not in repr(settings)


def test_settings_do_not_change() -> None:
    settings: Any = Settings()

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.burst = 2


def test_a_variable_is_found_by_the_name_of_its_setting() -> None:
    assert variable_of("base_url") == "GONG_BASE_URL"
    assert variable_of("lease_ttl_s") == "GONG_INGEST_LEASE_TTL_S"
    with pytest.raises(KeyError):
        variable_of("unknown")


def test_a_program_started_from_here_has_the_settings_that_are_set_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OTHER", "stays")
    monkeypatch.setenv("GONG_INGEST_BURST", "7")
    (tmp_path / "url").write_text("redis://old")
    monkeypatch.setenv("GONG_INGEST_REDIS_URL_FILE", str(tmp_path / "url"))
    roots = (Path("/a"), Path("/b"))

    environment = environment_with(redis_url="redis://new", media_roots=roots, concurrency=3)

    assert environment["OTHER"] == "stays"
    assert os.environ.get("GONG_INGEST_REDIS_URL") is None
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    assert Settings.from_env() == Settings(redis_url="redis://new", media_roots=roots, concurrency=3, burst=7)
