"""How fast an upload goes, over a window that slides; and who is slow, the source of the media or the API.

Pure but for the clock that it is given. One that drips a byte a second is silent for no second, and would
reach the deadline of its size hours later: so there is a minimum, of bytes handed to the network.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

SAMPLES = 8
"""Kept of a window: a rate is taken over the window and an eighth of it at most."""


class _Sample(NamedTuple):
    at_s: float
    sent_bytes: int
    waited_s: float


class TooSlow(Exception):
    """Less than the minimum went through in a whole window.

    Attributes:
        by_source: For most of it the source of the media had given nothing to send.
    """

    def __init__(self, sentence: str, *, by_source: bool) -> None:
        super().__init__(sentence)
        self.by_source = by_source


class Pace:
    """Watches one upload, from now on.

    Args:
        bytes_per_s_min: What has to go through.
        window_s: On average of so long.
        clock: Gives seconds.
    """

    def __init__(
        self, *, bytes_per_s_min: float, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bytes_per_s_min = bytes_per_s_min
        self._window_s = window_s
        self._clock = clock
        self._waited_s = 0.0
        self._samples = deque([_Sample(clock(), 0, 0.0)])

    def source_took(self, wait_s: float) -> None:
        """Note how long the source kept the upload waiting."""
        self._waited_s += wait_s

    @property
    def is_due(self) -> bool:
        """Tell whether there is something to look at by now."""
        now_s = self._clock()
        is_sample_due = now_s - self._samples[-1].at_s >= self._window_s / SAMPLES
        return is_sample_due or now_s - self._samples[0].at_s >= self._window_s

    def check(self, sent_bytes: int) -> None:
        """Look at what was sent so far.

        Raises:
            TooSlow: It was less than the minimum over the last window.
        """
        now_s = self._clock()
        if now_s - self._samples[-1].at_s >= self._window_s / SAMPLES:
            self._samples.append(_Sample(now_s, sent_bytes, self._waited_s))
        while len(self._samples) > 1 and now_s - self._samples[1].at_s >= self._window_s:
            self._samples.popleft()
        since = self._samples[0]
        span_s = now_s - since.at_s
        if span_s < self._window_s:
            return
        bytes_per_s = (sent_bytes - since.sent_bytes) / span_s
        if bytes_per_s < self._bytes_per_s_min:
            raise TooSlow(
                f"{bytes_per_s:,.0f} bytes/s over {span_s:.0f} s, less than {self._bytes_per_s_min:,.0f}",
                by_source=self._waited_s - since.waited_s > span_s / 2,
            )
