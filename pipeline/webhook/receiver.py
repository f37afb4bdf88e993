"""One delivery to the receiver: a request that is made once, and what its answer means.

Whatever the receiver answers, and however slowly, the wait has a bound, and so has what is read of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from requests import RequestException
from urllib3.exceptions import HTTPError

from pipeline.gong.exchange import Exchange
from pipeline.gong.failure import reason_of
from pipeline.gong.transport import Transport, Unsigned
from pipeline.outcome.wait import retry_after_s
from pipeline.webhook.signature import signed_headers

CONNECT_S, DEADLINE_S = 5.0, 10.0
# Read of an answer, so that its connection can be used again.
ANSWER_MAX_BYTES = 1 << 14
RETRY_AFTER_MAX_S = 3600.0
# Beside 5xx what passes: it took too long, came too early, came too often.
PASSES = frozenset({408, 425, 429})


class Verdict(StrEnum):
    """What became of a delivery, as `note_delivery.lua` calls it."""

    DELIVERED = "delivered"
    FAILED = "failed"  # the receiver is away, or asks to wait
    REFUSED = "refused"  # the receiver is there, and does not take it
    GIVEN_UP = "given_up"  # it was refused too often


class Told(NamedTuple):
    """What the receiver said.

    Attributes:
        why: In a few words; empty if it was delivered.
        wait_s: What it asks to wait.
    """

    verdict: Verdict
    why: str = ""
    wait_s: float = 0.0


class Receiver:
    """The receiver at one address.

    Args:
        url: Its address, from the settings.
        key: That signs.
        clock: Gives seconds since the epoch.
    """

    def __init__(self, url: str, key: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._key = key
        self._clock = clock
        self._transport = Transport(Unsigned(), pool_size=1)
        self.host = urlsplit(url).netloc

    def tell(self, message_id: str, body: bytes) -> Told:
        """Deliver one event, once."""
        signed = signed_headers(self._key, message_id=message_id, sent_at=int(self._clock()), body=body)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | signed
        exchange = Exchange(
            connect_s=CONNECT_S, stall_s=DEADLINE_S, answer_s=DEADLINE_S, deadline_s=DEADLINE_S
        )
        sending = self._transport.once("POST", self._url, headers=headers, body=body, connect_s=CONNECT_S)
        try:
            with exchange.current(), sending as response:
                with suppress(HTTPError, OSError):
                    next(response.blocks(ANSWER_MAX_BYTES), b"")
                return _told(response.status, response.headers.get("Retry-After"))
        except (RequestException, HTTPError, OSError) as error:
            return Told(Verdict.FAILED, f"no answer from {self.host}: {reason_of(error)}")

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


def _told(status: int, retry_after: str | None) -> Told:
    if 200 <= status < 300:
        return Told(Verdict.DELIVERED)
    why = f"the receiver answered {status}"
    if status >= 500 or status in PASSES:
        wait_s = retry_after_s(retry_after, default_s=0.0, cap_s=RETRY_AFTER_MAX_S)
        return Told(Verdict.FAILED, why, wait_s)
    return Told(Verdict.REFUSED, why)
