"""The settings as they are read from the environment: every variable, and nothing secret in sight."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings, environment_of, variable_of

NAMES = [setting.name for setting in fields(Settings)]
SENTINELS = "sentinels://user:word@ledger:6380,other/calls/3"
# For each setting a text other than its default, and what it is read as.
STORE_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TEXTS: dict[str, tuple[str, Any]] = {
    "base_url": ("https://us-1.api.gong.io", "https://us-1.api.gong.io"),
    "access_key": ("own-key", "own-key"),
    "access_key_secret": ("very secret", "very secret"),
    "access_token": ("oauth word", "oauth word"),
    "oauth_client_id": ("client", "client"),
    "oauth_client_secret": ("very secret", "very secret"),
    "oauth_refresh_token": ("refresh", "refresh"),
    "oauth_token_url": ("https://tokens.example.com/new", "https://tokens.example.com/new"),
    "store_key": (STORE_KEY, STORE_KEY),
    "redis_url": (SENTINELS, SENTINELS),
    "redis_ca": ("/tls/authority.pem", Path("/tls/authority.pem")),
    "redis_certificate": ("/tls/own.pem", Path("/tls/own.pem")),
    "redis_certificate_key": ("/tls/own.key", Path("/tls/own.key")),
    "redis_sentinel_password": ("very secret", "very secret"),
    "namespace": ("team-1_a", "team-1_a"),
    "data_dir": ("/data", Path("/data")),
    "media_roots": (
        "/a:s3://bucket/x y:/b c:https://pbx:8443/r:http://h:sftp://me@h:2222:",
        (
            *(Path("/a"), "s3://bucket/x y", Path("/b c")),
            *("https://pbx:8443/r", "http://h", "sftp://me@h:2222"),
        ),
    ),
    "media_headers": ("pbx:8443 X-Key: very: secret", "pbx:8443 X-Key: very: secret"),
    "sftp_password": ("very secret", "very secret"),
    "azure_storage_connection_string": ("AccountName=a;AccountKey=b==", "AccountName=a;AccountKey=b=="),
    "azure_storage_account": ("calls", "calls"),
    "azure_storage_key": ("very secret", "very secret"),
    "azure_storage_service_endpoint": ("https://blobs.example.com", "https://blobs.example.com"),
    "webhook_url": ("https://hooks.example.com/gong?a=1", "https://hooks.example.com/gong?a=1"),
    "webhook_secret": (WEBHOOK_SECRET, WEBHOOK_SECRET),
    "events_kept": ("5000", 5000),
    "link_lifetime_s": ("3600", 3600.0),
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
    "upload_window_s": ("30", 30.0),
    "lease_ttl_s": ("12", 12.0),
    "attempts_max": ("3", 3),
    "backoff_base_s": ("0.5", 0.5),
    "backoff_cap_s": ("60", 60.0),
    "stop_grace_s": ("0", 0.0),
    "failures_to_close": ("9", 9),
    "metrics_port": ("9464", 9464),
    "metrics_address": ("0.0.0.0", "0.0.0.0"),
    "done_by": ("2027-01-31", "2027-01-31"),
    "api_tokens": ("/data/tokens.json", Path("/data/tokens.json")),
    "api_uploads": ("/media/uploads", Path("/media/uploads")),
    "api_backlog_max": ("500", 500),
    "log_level": ("DEBUG", "DEBUG"),
    "log_format": ("json", "json"),
}
# What must be set beside it.
BESIDE: dict[str, tuple[str, ...]] = {
    "access_key": ("access_key_secret",),
    "access_key_secret": ("access_key",),
    "oauth_client_id": ("oauth_client_secret", "store_key"),
    "oauth_client_secret": ("oauth_client_id", "store_key"),
    "oauth_refresh_token": ("oauth_client_id", "oauth_client_secret", "store_key"),
    "redis_ca": ("redis_url",),
    "redis_certificate": ("redis_url",),
    "redis_certificate_key": ("redis_url", "redis_certificate"),
    "redis_sentinel_password": ("redis_url",),
    "webhook_url": ("webhook_secret",),
    "webhook_secret": ("webhook_url",),
}
CALLABLE: dict[str, Any] = {"base_url": "https://us-1.api.gong.io", "access_token": "token"}
# Those that exclude a token.
OTHERWISE = re.compile("access_key|oauth_client|oauth_refresh")
SECRETS = (
    *("access_key", "access_key_secret", "access_token", "redis_url", "redis_sentinel_password"),
    *("oauth_client_secret", "oauth_refresh_token", "store_key"),
)


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
    set_all(monkeypatch, **{beside: TEXTS[beside][0] for beside in BESIDE.get(name, ())})

    settings = Settings.from_env()

    assert getattr(settings, name) == value
    assert type(getattr(settings, name)) is type(value)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    for each in (name, *BESIDE.get(name, ())):
        file = tmp_path / each
        file.write_text(f"{TEXTS[each][0]}\n")
        monkeypatch.setenv(f"{variable_of(each)}_FILE", str(file))

    assert getattr(Settings.from_env(), name) == TEXTS[name][1]


def test_an_empty_file_sets_nothing_as_an_empty_variable_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text("\n")
    for form in Settings.forms().values():
        monkeypatch.setenv(f"{form.variable}_FILE", str(tmp_path / "empty"))

    assert Settings.from_env() == Settings()


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
        ("GONG_INGEST_PROFIL", "is not a setting; did you mean GONG_INGEST_PROFILE?"),
        ("GONG_INGEST_PROFILE_FILE", "is not a setting; did you mean GONG_INGEST_PROFILE?"),
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

    with pytest.raises(SettingsInvalid, match=r"GONG_INGEST_CONCURRENCY must .* GONG_INGEST_BURST must "):
        Settings.from_env()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_shown(name: str) -> None:
    values: dict[str, Any] = {name: TEXTS[name][0]}
    values |= {beside: TEXTS[beside][0] for beside in BESIDE.get(name, ())}
    settings = Settings(**values)

    assert TEXTS[name][0] not in repr(settings)
    assert f"{name}=" not in repr(settings)


def test_a_variable_is_found_by_the_name_of_its_setting() -> None:
    assert variable_of("base_url") == "GONG_BASE_URL"
    assert variable_of("lease_ttl_s") == "GONG_INGEST_LEASE_TTL_S"
    with pytest.raises(KeyError):
        variable_of("unknown")


def take_over(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    """Become a process that was started with this environment."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)


@pytest.mark.parametrize("name", NAMES)
def test_a_program_started_from_here_reads_every_setting_as_it_is_here(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    values = {each: TEXTS[each][1] for each in (name, *BESIDE.get(name, ()))}
    settings = Settings(**CALLABLE | ({"access_token": None} if OTHERWISE.match(name) else {}) | values)

    take_over(monkeypatch, environment_of(settings, credentials=True))

    assert Settings.from_env() == settings


def test_a_program_started_from_here_has_these_settings_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither those of the environment, nor those of a profile, nor those in files."""
    config = tmp_path / "config.toml"
    config.write_text("default = 'acme'\n[acme]\nconcurrency = 9\nredis_url = 'redis://acme'\n")
    (tmp_path / "url").write_text("redis://old")
    for variable, text in {
        "OTHER": "stays",
        "GONG_INGEST_CONFIG": str(config),
        "GONG_INGEST_PROFILE": "acme",
        "GONG_INGEST_BURST": "7",
        "GONG_INGEST_REDIS_URL_FILE": str(tmp_path / "url"),
    }.items():
        monkeypatch.setenv(variable, text)
    settings = Settings(**CALLABLE)
    before = dict(os.environ)

    environment = environment_of(settings, credentials=True)

    assert dict(os.environ) == before
    take_over(monkeypatch, environment)
    assert os.environ["OTHER"] == "stays"
    assert Settings.from_env() == settings


def test_a_program_that_calls_no_api_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, access_token="of the environment")

    settings = Settings(**CALLABLE, webhook_url=TEXTS["webhook_url"][0], webhook_secret=WEBHOOK_SECRET)
    environment = environment_of(settings, credentials=False)

    take_over(monkeypatch, environment)
    assert Settings.from_env() == Settings(base_url=CALLABLE["base_url"])


@pytest.mark.parametrize("root", [Path("/a:b"), "s3://bucket/a:b", "https://host:8443/a:b", "s3://bucket:"])
def test_what_cannot_be_handed_on_is_refused(root: Path | str) -> None:
    with pytest.raises(SettingsInvalid, match="MEDIA_ROOTS must be folders and addresses without ':'"):
        Settings(media_roots=(root,))
