"""What is never written into a log."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from pipeline.logs.secrets import MASK, Hiding, secrets_of
from pipeline.settings import Settings

SETTINGS = Settings(
    access_key="the-key",
    access_key_secret="api's secret",
    redis_url="sentinel://user:pass%2Fword@one,two/calls",
    redis_sentinel_password="watch men",
    sftp_password="sftp secret",
    media_headers="pbx.example.com Authorization: Bearer token-of-pbx\npbx:8443 X-Key: key: of pbx",
    azure_storage_connection_string="AccountName=calls;AccountKey=YXp1cmU=;EndpointSuffix=core.windows.net",
    store_key=f"{'A' * 42}8=, {'_' * 42}8=",
    webhook_url="https://hook.example.com",
    webhook_secret=f"whsec_{'d2Vi' * 8}",
)


@pytest.mark.parametrize(
    "secret",
    [
        "api's secret",
        base64.b64encode(b"the-key:api's secret").decode(),
        "pass/word",
        "pass%2Fword",
        "watch men",
        "watch%20men",
        "sftp secret",
        "Bearer token-of-pbx",
        "key: of pbx",
        "YXp1cmU=",
        f"{'A' * 42}8=",
        f"{'_' * 42}8=",
        f"whsec_{'d2Vi' * 8}",
        "d2Vi" * 8,
    ],
)
def test_secrets_of_the_settings_are_hidden(secret: str) -> None:
    hiding = Hiding(secrets_of(SETTINGS))

    assert hiding.hide(f"before {secret} behind") == f"before {MASK} behind"


# Of settings whose form is checked, or of which only a part is secret: the value, and that part.
OF_A_FORM = {
    "redis_url": ("redis://user:secret of it@host", "secret of it"),
    "media_headers": ("pbx.example.com X-Key: secret of it", "secret of it"),
    "azure_storage_connection_string": ("AccountName=calls;AccountKey=c2VjcmV0", "AccountKey=c2VjcmV0"),
    "store_key": (f"{'B' * 42}8=", f"{'B' * 42}8="),
    "webhook_secret": (f"whsec_{'aG9v' * 8}", f"whsec_{'aG9v' * 8}"),
}
# What some of them are not set without.
BESIDE: dict[str, dict[str, Any]] = {
    "redis_sentinel_password": {"redis_url": "sentinel://one/calls"},
    "azure_storage_key": {"azure_storage_account": "calls"},
    "access_key": {"access_key_secret": "another"},
    "access_key_secret": {"access_key": "another"},
    "oauth_client_secret": {"oauth_client_id": "client"},
    "oauth_refresh_token": {"oauth_client_id": "client"},
    "webhook_secret": {"webhook_url": "https://hook.example.com"},
}


@pytest.mark.parametrize("name", [name for name, form in Settings.forms().items() if form.is_secret])
def test_every_setting_that_is_declared_a_secret_is_hidden(name: str) -> None:
    value, secret = OF_A_FORM.get(name, (f"value of {name}",) * 2)
    values: dict[str, Any] = {name: value, **BESIDE.get(name, {})}
    hiding = Hiding(secrets_of(Settings(**values)))

    assert secret not in hiding.hide(f"before {secret} behind")


def test_a_token_is_hidden_too() -> None:
    assert Hiding(secrets_of(Settings(access_token="token-1"))).hide("a token-1") == f"a {MASK}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=AK%2F1&X-Amz-Signature=0a1b&x=1",
            f"https://b.s3.amazonaws.com/k?X-Amz-Credential={MASK}&X-Amz-Signature={MASK}&x=1",
        ),
        (
            "https://storage.googleapis.com/b/k?X-Goog-Signature=0a1b",
            f"https://storage.googleapis.com/b/k?X-Goog-Signature={MASK}",
        ),
        (
            "https://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Signature=x%3D",
            f"https://b.s3.amazonaws.com/k?AWSAccessKeyId={MASK}&Signature={MASK}",
        ),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {MASK}"),
        ("redis://user:word@host:6379/0", f"redis://user:{MASK}@host:6379/0"),
        ("redis://:word@host:6379/0", f"redis://:{MASK}@host:6379/0"),
    ],
)
def test_what_lets_others_in_is_hidden_though_no_setting_says_it(text: str, shown: str) -> None:
    assert Hiding().hide(text) == shown


@pytest.mark.parametrize(
    "text", ["Job 8060f2 is dead at create_call: api_error: The API answered 500.", "a:b@c"]
)
def test_all_else_is_written_as_it_is(text: str) -> None:
    assert Hiding(["x"]).hide(text) == text
