"""What is never written into a log."""

from __future__ import annotations

import base64

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
    ],
)
def test_secrets_of_the_settings_are_hidden(secret: str) -> None:
    hiding = Hiding(secrets_of(SETTINGS))

    assert hiding.hide(f"before {secret} behind") == f"before {MASK} behind"


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
