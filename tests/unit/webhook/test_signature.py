"""The headers of a delivery are those that receivers of Standard Webhooks know."""

from __future__ import annotations

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from pipeline.settings.webhook import key_of
from pipeline.webhook import signed_headers

# The example of the reference implementations.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID, SENT_AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
URL = "https://hooks.example.com/gong"


def test_the_signature_is_that_of_the_reference() -> None:
    key = key_of(SECRET)
    assert key

    assert signed_headers(key, message_id=MESSAGE_ID, sent_at=SENT_AT, body=BODY) == {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": str(SENT_AT),
        "webhook-signature": SIGNATURE,
    }


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_not base64",
        "whsec_c2hvcnQ=",
        "whsec_" + "A" * 88,
        "whsec_ÄÄÄÄ",
    ],
)
def test_what_is_no_secret_is_refused_without_showing_it(secret: str) -> None:
    assert key_of(secret) is None
    with pytest.raises(SettingsInvalid) as refused:
        Settings(webhook_url=URL, webhook_secret=secret or "x")
    assert "GONG_INGEST_WEBHOOK_SECRET must be whsec_ and 24 to 64 random bytes" in str(refused.value)
    assert not secret or secret == "whsec_" or secret not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["hooks.example.com", "ftp://hooks.example.com/a", "https://me:word@hooks.example.com/", "https:///a",
     "https://hooks.example.com/a#b", "https://hooks.example.com/\n", "https://hooks.example.com:x/"],
)  # fmt: skip
def test_an_address_to_which_nothing_can_be_posted_is_refused(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="GONG_INGEST_WEBHOOK_URL must be like"):
        Settings(webhook_url=url, webhook_secret=SECRET)


def test_a_secret_without_an_address_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="go together"):
        Settings(webhook_secret=SECRET)


def test_an_address_without_a_secret_is_refused_to_who_would_use_it() -> None:
    settings = Settings(webhook_url=URL)

    with pytest.raises(SettingsInvalid, match="go together"):
        settings.webhook_key()


@pytest.mark.parametrize("kept", [-1, 1, 99, 10_000_001])
def test_a_stream_has_a_size_that_it_can_have(kept: int) -> None:
    with pytest.raises(
        SettingsInvalid, match="GONG_INGEST_EVENTS_KEPT must be 0 for none, or between 100 and"
    ):
        Settings(events_kept=kept)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, 0),
        ({"events_kept": 500}, 500),
        ({"webhook_url": URL, "webhook_secret": SECRET}, 100_000),
        ({"webhook_url": URL, "webhook_secret": SECRET, "events_kept": 500}, 500),
    ],
)
def test_events_are_wanted_for_the_stream_or_for_the_webhook(given: dict[str, object], wanted: int) -> None:
    assert Settings(**given).events_wanted == wanted  # type: ignore[arg-type]  # as the case says
