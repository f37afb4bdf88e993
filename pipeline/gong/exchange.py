"""One request and its answer, as the connection sees it: how long it may take, and how far it came.

The libraries between the client and its socket have no place to hand this through. So it travels in
a context variable: set by the client around each request, read by the connection. A thread is in one exchange
at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pipeline.errors import MediaUnavailable
from pipeline.gong.pace import Pace, TooSlow

# How long a body that does not move may keep its watcher waiting.
LOOK_INTERVAL_S = 0.25


class BodyFailed(Exception):
    """Carries an error of the stream or its watcher past the HTTP library, which owns every OSError."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


OnLeft = Callable[[float], None]


def nobody_is_told(left_at: float) -> None:
    """Let it leave."""


def _nobody_watches() -> None:
    """Let the body be sent to its end."""


class Exchange:
    """What is known of one request.

    Attributes:
        connect_s: The longest wait on the way to the server.
        stall_s: The longest wait after that for the next byte of the request to move.
        answer_s: The longest wait for the next byte of the answer.
        requesting: The connection stands; what is sent now is the request itself.
        on_left: Told when its first bytes were handed to the network (`time.monotonic`).
        sent: A byte of the request may have reached the API.
        timed_out: A wait was ended by one of these or by the deadline.
        early: What the server sent before the request was out, without interim answers.
        broken_off: The request was not sent to its end, because the server answered, closed or failed.
        sent_bytes: How much of the request was handed to the network.
        pace: Of an upload: whether that is fast enough.
        watch: Called at least every `LOOK_INTERVAL_S` while a body is being sent; what it raises ends that.
    """

    def __init__(self, *, connect_s: float, stall_s: float, answer_s: float, deadline_s: float) -> None:
        self.connect_s = connect_s
        self.stall_s = stall_s
        self.answer_s = answer_s
        self.requesting = False
        self.on_left: OnLeft = nobody_is_told
        self.sent = False
        self.timed_out = False
        self.early = b""
        self.broken_off = False
        self.sent_bytes = 0
        self.pace: Pace | None = None
        self._left = False
        self.watch: Callable[[], None] = _nobody_watches
        self._ends = time.monotonic() + deadline_s

    def patience_s(self, *, for_answer: bool = False) -> float:
        """Return how long the next wait may take, in seconds.

        Raises:
            TimeoutError: The deadline is over.
        """
        rest_s = self._ends - time.monotonic()
        if rest_s <= 0:
            raise self.gave_up()
        if for_answer:
            return min(self.answer_s, rest_s)
        return min(self.stall_s if self.requesting else self.connect_s, rest_s)

    def check_pace(self, on_its_way_bytes: Callable[[], int]) -> None:
        """Look whether an upload is fast enough, after something was sent and now and then while nothing is.

        Args:
            on_its_way_bytes: Tells what was handed to the network, and has not arrived at the other end.

        Raises:
            TimeoutError: It is too slow, and the API is to blame.
            BodyFailed: The source of the media is.
        """
        if self.pace is None or not self.pace.is_due:
            return
        try:
            self.pace.check(self.sent_bytes - on_its_way_bytes())
        except TooSlow as slow:
            if not slow.by_source:
                raise self.gave_up() from slow
            raise BodyFailed(
                MediaUnavailable(f"The place where the media lies is too slow: {slow}.")
            ) from slow

    def gave_up(self) -> TimeoutError:
        """Note that a wait was ended, and return the error that says so."""
        self.timed_out = True
        return TimeoutError("timed out")

    def note_sent(self, count: int) -> None:
        """Note that so many bytes more were handed to the network."""
        self.sent_bytes += count
        if self.requesting and count and not self._left:
            self._left = True
            self.on_left(time.monotonic())

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
