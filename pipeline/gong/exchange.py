"""One request and its answer, as the connection sees it: how long it may take, and how far it came.

The libraries between the client and its socket have no place to hand this through. So it travels in
a context variable: set by the client around each request, read by the connection. A thread is in one exchange
at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Exchange:
    """What is known of one request.

    Attributes:
        connect_s: The longest wait on the way to the server.
        stall_s: The longest wait after that for the next byte to move, either way.
        requesting: The connection stands; what is sent now is the request itself.
        sent: A byte of the request may have reached the API.
        timed_out: A wait was ended by one of these or by the deadline.
        early: What the server sent before the request was out, without interim answers.
        broken_off: The request was not sent to its end, because the server answered, closed or failed.
    """

    def __init__(self, *, connect_s: float, stall_s: float, deadline_s: float) -> None:
        self.connect_s = connect_s
        self.stall_s = stall_s
        self.requesting = False
        self.sent = False
        self.timed_out = False
        self.early = b""
        self.broken_off = False
        self._ends = time.monotonic() + deadline_s

    def patience_s(self) -> float:
        """Return how long the next wait may take, in seconds.

        Raises:
            TimeoutError: The deadline is over.
        """
        rest_s = self._ends - time.monotonic()
        if rest_s <= 0:
            raise self.gave_up()
        return min(self.stall_s if self.requesting else self.connect_s, rest_s)

    def gave_up(self) -> TimeoutError:
        """Note that a wait was ended, and return the error that says so."""
        self.timed_out = True
        return TimeoutError("timed out")

    @contextmanager
    def current(self) -> Iterator[Exchange]:
        """Make this the exchange that the connection sees."""
        token = _CURRENT.set(self)
        try:
            yield self
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[Exchange] = ContextVar("exchange")


def current_exchange() -> Exchange:
    """Return the exchange that this thread is in."""
    return _CURRENT.get()
