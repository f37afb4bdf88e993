"""The headers by which a receiver knows that a delivery is from here, and which one it is.

As Standard Webhooks 1.0 has it (standardwebhooks.com): HMAC-SHA256 over id, time and body, so that nobody
else can make one, change one, or send an old one again later. Pure.
"""

from __future__ import annotations

import base64
import hmac


def signed_headers(key: bytes, *, message_id: str, sent_at: int, body: bytes) -> dict[str, str]:
    """Give the headers of one delivery.

    Args:
        key: That of the secret which the receiver has as well.
        message_id: Of the event; the same whenever it is delivered again.
        sent_at: In seconds since the epoch.
        body: What is signed with it.
    """
    digest = hmac.digest(key, f"{message_id}.{sent_at}.".encode() + body, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
