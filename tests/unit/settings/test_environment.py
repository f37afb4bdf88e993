"""The settings as they are read from the environment: every variable, and nothing secret in sight."""

from __future__ import annotations

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
    "day_window": ("America/New_York", "America/New_York"),
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


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("none", "No such file"),
        ("folder", "Is a directory"),
        ("token/below", "Not a dir"),
        ("bytes", "not text"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, what: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "token").touch()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("GONG_ACCESS_TOKEN_FILE", str(tmp_path / name))

    with pytest.raises(
        SettingsInvalid, match=f"GONG_ACCESS_TOKEN_FILE must .* {tmp_path / name} is not: .*{what}"
    ):
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


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_shown(name: str) -> None:
    values: dict[str, Any] = {name: TEXTS[name][0]}
    if beside := BESIDE.get(name):
        values[beside] = TEXTS[beside][0]
    settings = Settings(**values)

    assert TEXTS[name][0] not in repr(settings)
    assert name not in repr(settings)


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
