"""The rules that settings are held to, each with the sentence for whoever breaks it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from tests.unit.settings.test_environment import STORE_KEY

CA = Path("/tls/authority.pem")
RULES: list[tuple[dict[str, Any], str]] = [
    ({"access_key": "a"}, "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET go together"),
    ({"access_key_secret": "a"}, "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET go together"),
    ({"access_key": "a", "access_key_secret": "b", "access_token": "c"}, "exclude each other"),
    (
        {"oauth_client_id": "a", "oauth_client_secret": "b", "store_key": STORE_KEY, "access_token": "c"},
        "excludes",
    ),
    ({"oauth_client_secret": "a"}, "GONG_OAUTH_CLIENT_SECRET go together"),
    ({"oauth_refresh_token": "a"}, "GONG_OAUTH_CLIENT_SECRET go together"),
    ({"oauth_token_url": "http://tokens.example.com"}, "GONG_OAUTH_TOKEN_URL must be like https://"),
    *(
        ({"store_key": key}, "GONG_INGEST_STORE_KEY must be 32 random bytes in base64")
        for key in (
            "short",
            STORE_KEY[:-4],
            f"{STORE_KEY},",
            f"{STORE_KEY},short",
            STORE_KEY * 2,
            "\u00e4" * 44,
        )
    ),
    *(
        ({"base_url": address}, "GONG_BASE_URL must be like https://us-1234.api.gong.io")
        for address in (
            "us-1.api.gong.io",
            "http://us-1.api.gong.io",
            "http://us-1\u3002api\u3002gong\u3002io",
            "http://134744072",
            "http://0x08080808",
            "http://[2001:db8::1]",
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
            "sentinel://a:26379,b:26379",
            "sentinel://a:26379;sentinel://b:26379/calls",
            "sentinel://a,,b/calls",
            "sentinel://a:port/calls",
            "sentinel://a/calls/first",
            "sentinel:///calls",
        )
    ),
    (
        {"redis_url": "rediss://ledger/0?ssl_cert_reqs=none"},
        "GONG_INGEST_REDIS_URL must say nothing of certificates: these are in GONG_INGEST_REDIS_CA,",
    ),
    *(
        ({"redis_url": address, "redis_ca": CA}, "are for an encrypted server, whose address begins with")
        for address in (None, "redis://ledger/0", "unix:///run/valkey.sock", "sentinel://a/calls")
    ),
    (
        {"redis_url": "rediss://ledger", "redis_ca": Path("-----BEGIN CERTIFICATE-----\nMII")},
        "REDIS_CERTIFICATE_KEY must be paths of files, not what stands in them",
    ),
    ({"redis_url": "rediss://ledger", "redis_certificate_key": CA}, "needs GONG_INGEST_REDIS_CERTIFICATE."),
    ({"redis_url": "redis://ledger", "redis_sentinel_password": "a"}, "needs Sentinels in GONG_INGEST_REDIS"),
    *(({"namespace": name}, "GONG_INGEST_NAMESPACE may hold") for name in ("", "a b", "a:b", "a*", "-")),
    *(({"metrics_port": n}, "GONG_INGEST_METRICS_PORT must be between 0 and 65535.") for n in (-1, 65_536)),
    *(
        ({"done_by": text}, "GONG_INGEST_DONE_BY must be a date")
        for text in ("", "soon", "2027-02-30", "31.1.2027")
    ),
    ({"log_level": "debug"}, "GONG_INGEST_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR."),
    ({"log_format": "JSON"}, "GONG_INGEST_LOG_FORMAT must be text or json."),
    *(({"concurrency": n}, "GONG_INGEST_CONCURRENCY must be between 1 and 256.") for n in (0, 257)),
    *(({"lease_ttl_s": n}, "GONG_INGEST_LEASE_TTL_S must be between 2, for") for n in (1.9, 30_000)),
    *(
        (
            {"media_roots": ("az://calls",), "azure_storage_connection_string": connection},
            "AZURE_STORAGE_CONNECTION_STRING must be as Azure's portal shows it",
        )
        for connection in (
            "calls",
            "AccountName=calls",
            "AccountName=calls;AccountKey=",
            "AccountKey=a;b;BlobEndpoint=c",
        )
    ),
    *(
        ({"media_roots": ("az://calls",)} | values, "set AZURE_STORAGE_ACCOUNT.")
        for values in (
            {"azure_storage_key": "a"},
            {"azure_storage_service_endpoint": "https://calls.blob.core.windows.net"},
        )
    ),
    *(
        (
            {"media_roots": ("az://calls",), "azure_storage_account": "calls"}
            | {"azure_storage_service_endpoint": endpoint},
            "AZURE_STORAGE_SERVICE_ENDPOINT must be like https://calls.blob",
        )
        for endpoint in ("calls.blob.core.windows.net", "http://calls.blob.core.windows.net", "https://")
    ),
    ({"backoff_base_s": 0}, "GONG_INGEST_BACKOFF_BASE_S must be above 0"),
    ({"backoff_base_s": 9, "backoff_cap_s": 8}, "at most GONG_INGEST_BACKOFF_CAP_S"),
    ({"backoff_cap_s": 300_000}, "GONG_INGEST_BACKOFF_CAP_S must be at most 86400"),
    *(
        ({"stop_grace_s": n}, "GONG_INGEST_STOP_GRACE_S must not be negative, and be at most 86400")
        for n in (-1, 100_000)
    ),
    ({"attempts_max": 0}, "GONG_INGEST_ATTEMPTS_MAX must be at least 1."),
    ({"api_backlog_max": 0}, "GONG_INGEST_API_BACKLOG_MAX must be at least 1."),
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
    ({"upload_window_s": 0.9}, "GONG_INGEST_UPLOAD_WINDOW_S must be between 1 and 3600."),
    ({"upload_window_s": 3601}, "GONG_INGEST_UPLOAD_WINDOW_S must be between 1 and 3600."),
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
        {"base_url": "http://simulator:8080"},
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
