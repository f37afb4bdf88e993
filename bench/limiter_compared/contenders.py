"""Who is compared. Each is opened once a process and shared by its threads as its documentation says.

A library knows nothing of a 429: who gets one waits for its Retry-After by himself, as one would write it.
All get the full allowed rate, and a server of their own on a Unix socket.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import redis
from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter
from pyrate_limiter import Duration, Rate, RedisBucket
from pyrate_limiter import Limiter as PyrateLimiter
from throttled import RateLimiterType, Throttled
from throttled.store import RedisStore

from bench.limiter_compared.ours import open_ours
from bench.limiter_compared.score import OURS

KEY = "calls"
# For longer than any run: the caller waits as long as it takes.
PATIENCE_S = 3_600.0


class Contender(Protocol):
    """What one thread has of a contender."""

    def acquire(self) -> None:
        """Return when a request may leave."""

    def left(self) -> None:
        """Learn that it has left just now."""

    def rate_limited(self, retry_after_s: float) -> None:
        """Learn that the API answered 429."""


# Opens a contender in a process, on the server at that address and for that many requests a second; what it
# gives is called once in each thread.
Opener = Callable[[str, int], Callable[[], Contender]]


class _Library:
    """What no library wants to know, or leaves to its caller."""

    def left(self) -> None:
        pass

    def rate_limited(self, retry_after_s: float) -> None:
        time.sleep(retry_after_s)


class _Limits(_Library):
    """One strategy of limits.

    https://limits.readthedocs.io/en/stable/quickstart.html, "Query available capacity and reset time":
    `window = strategy.get_window_stats(item, ...)`, then `time.sleep(window.reset_time - time.time())`.
    The page's other way, `while not strategy.test(...): time.sleep(0.01)`, asks a hundred times a second.
    """

    def __init__(self, strategy: RateLimiter, per_second: int) -> None:
        self._strategy = strategy
        self._item = RateLimitItemPerSecond(per_second)

    def acquire(self) -> None:
        while not self._strategy.hit(self._item, KEY):
            window = self._strategy.get_window_stats(self._item, KEY)
            time.sleep(max(0.0, window.reset_time - time.time()))


class _Pyrate(_Library):
    """The blocking way of pyrate-limiter.

    https://pyratelimiter.readthedocs.io, "Blocking, non-blocking & timeout": "`try_acquire` blocks by default
    until a permit frees up".
    """

    def __init__(self, limiter: PyrateLimiter) -> None:
        self._limiter = limiter

    def acquire(self) -> None:
        self._limiter.try_acquire(KEY)


class _Throttled(_Library):
    """The waiting way of throttled-py.

    https://github.com/ZhuoZhuoCrayon/throttled-py, "Wait & Retry": "You can specify a `timeout` to enable
    wait-and-retry behavior. The rate limiter will wait according to the `retry_after` value".
    """

    def __init__(self, throttle: Throttled) -> None:
        self._throttle = throttle

    def acquire(self) -> None:
        while self._throttle.limit().limited:
            pass


def _open_moving_window(url: str, per_second: int) -> Callable[[], Contender]:
    contender = _Limits(MovingWindowRateLimiter(RedisStorage(f"redis+{url}")), per_second)
    return lambda: contender


def _open_sliding_counter(url: str, per_second: int) -> Callable[[], Contender]:
    contender = _Limits(SlidingWindowCounterRateLimiter(RedisStorage(f"redis+{url}")), per_second)
    return lambda: contender


def _open_pyrate(url: str, per_second: int) -> Callable[[], Contender]:
    bucket = RedisBucket.init([Rate(per_second, Duration.SECOND)], redis.Redis.from_url(url), KEY)
    contender = _Pyrate(PyrateLimiter(bucket))
    return lambda: contender


def _open_throttled(url: str, quota: str) -> Callable[[], Contender]:
    throttle = Throttled(
        key=KEY,
        using=RateLimiterType.GCRA.value,
        quota=quota,
        store=RedisStore(server=url),
        timeout=PATIENCE_S,
    )
    contender = _Throttled(throttle)
    return lambda: contender


OPENERS: dict[str, Opener] = {
    OURS: open_ours,
    "limits, moving window": _open_moving_window,
    "limits, sliding window counter": _open_sliding_counter,
    "pyrate-limiter, Redis bucket": _open_pyrate,
    "throttled-py, GCRA": lambda url, per_second: _open_throttled(url, f"{per_second}/s"),
    # The same without the burst that it allows by itself: the fairer one, where a burst meets 429s.
    "throttled-py, GCRA, burst 1": lambda url, per_second: _open_throttled(url, f"{per_second}/s burst 1"),
}
