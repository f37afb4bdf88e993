"""Whoever wants to know what became of recordings: the webhook with the secret that signs, and the stream.

The secret is written as Standard Webhooks has it.
"""

from __future__ import annotations

import base64
import binascii

from pipeline.settings.address import is_webhook_address
from pipeline.settings.environment import PREFIX as NAME
from pipeline.settings.secret import SecretSource

PREFIX = "whsec_"
KEY_MIN_BYTES, KEY_MAX_BYTES = 24, 64
FORM = f"{PREFIX} and {KEY_MIN_BYTES} to {KEY_MAX_BYTES} random bytes in base64"

PAIR_OF_WEBHOOK = f"{NAME}WEBHOOK_URL and {NAME}WEBHOOK_SECRET go together: set both."

# The stream gets no smaller than a hundred. As many as a webhook has last for weeks of a receiver's absence.
EVENTS_MIN, EVENTS_MAX, EVENTS_OF_WEBHOOK = 100, 10_000_000, 100_000


def key_of(secret: str) -> bytes | None:
    """Give the key in a secret; None for what is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    is_written_so = secret.startswith(PREFIX) and KEY_MIN_BYTES <= len(key) <= KEY_MAX_BYTES
    return key if is_written_so else None


def rules_of_events(url: str | None, secret: str | SecretSource | None, kept: int) -> list[tuple[bool, str]]:
    """List what must hold, each with the sentence for when it does not; no secret is read for it.

    Only workers have the secret; the address is among the settings of the fleet.
    """
    return [
        (bool(url) or not secret, PAIR_OF_WEBHOOK),
        (
            url is None or is_webhook_address(url),
            f"{NAME}WEBHOOK_URL must be like https://hooks.example.com/gong, without user and password.",
        ),
        (
            not isinstance(secret, str) or key_of(secret) is not None,
            f"{NAME}WEBHOOK_SECRET must be {FORM}.",
        ),
        (
            kept == 0 or EVENTS_MIN <= kept <= EVENTS_MAX,
            f"{NAME}EVENTS_KEPT must be 0 for none, or between {EVENTS_MIN} and {EVENTS_MAX}.",
        ),
    ]
