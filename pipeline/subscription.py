"""What is published on a channel of the ledger's server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from redis.client import PubSub


class Interrupted(Exception):
    """The connection was lost and made anew; what was published meanwhile was not heard."""


class Subscription:
    """What is published on one channel, in order; not to be shared between threads."""

    def __init__(self, listener: PubSub, reached: Callable[[], AbstractContextManager[None]]) -> None:
        self._listener = listener
        self._reached = reached

    def read(self, timeout_s: float) -> str | None:
        """Wait for the next message, at most so long; None when there was none.

        Raises:
            Interrupted: Messages may have been missed.
            LedgerUnreachable: The server does not answer.
        """
        with self._reached():
            message = self._listener.get_message(timeout=timeout_s)
        if message is None:
            return None
        if message["type"] != "message":
            raise Interrupted
        return str(message["data"])
