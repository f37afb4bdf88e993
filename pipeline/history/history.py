"""What happened, as it is read: by minutes, by closings of the gate, by parts of a batch's time.

Invariants: each method is one round trip and changes nothing; what it costs does not depend on the number of
jobs. Instants are seconds since the epoch on the server's clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from pipeline.history.counted import Answered, Endpoint
from pipeline.job import Lane
from pipeline.store import Clock, Store

MINUTE_S, HOUR_S = 60, 3600
DAY_MINUTES = 1440

Sort = tuple[Endpoint, Lane, Answered]


@dataclass(frozen=True, slots=True)
class Minute:
    """The requests that were answered, or given up, in one minute.

    Attributes:
        at: When it began.
        requests: How many of each sort; sorts of which there were none are left out.
    """

    at: float
    requests: Mapping[Sort, int] = field(default_factory=dict)

    def count(
        self,
        *,
        endpoint: Endpoint | None = None,
        lane: Lane | None = None,
        answered: Answered | None = None,
    ) -> int:
        """Count those of an endpoint, a lane and a kind of answer; what is left out is any."""
        wanted = (endpoint, lane, answered)
        return sum(
            requests
            for sort, requests in self.requests.items()
            if all(one in {None, other} for one, other in zip(wanted, sort, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Closing:
    """One time for which the gate was closed for one reason.

    Attributes:
        mode: As of `limiter.Gate`.
        until: When it opened or will open, or was closed for another reason; None while nobody knows.
    """

    reason: str
    mode: str
    since: float
    until: float | None
    detail: str

    @classmethod
    def from_text(cls, text: str) -> Closing:
        """Read what `limiter_prelude.lua` wrote."""
        reason, mode, since_us, until_us, detail = text.split(" ", 4)
        return cls(reason, mode, int(since_us) / 1e6, int(until_us) / 1e6 or None, detail)


@dataclass(frozen=True, slots=True)
class Part:
    """How many recordings came to an end in one part of a batch's time, and when that began."""

    at: float
    done: int
    dead: int


@dataclass(frozen=True, slots=True)
class Throughput:
    """How many recordings of a batch came to an end, from the first of them until now.

    Attributes:
        width_s: How long each part is: a minute, or 2, 4, 8, … of them.
        parts: One beside the other, also those in which nothing happened; the last one is not over.
    """

    width_s: float
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """All of it at one moment; `now` is that moment."""

    now: float
    minutes: tuple[Minute, ...]
    closings: tuple[Closing, ...]
    throughput: Throughput | None


class History:
    """What happened in one namespace.

    Every method raises `LedgerUnreachable` and `LedgerRefused` as the store does.
    """

    def __init__(self, store: Store, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock

    def traffic(self, minutes: int = DAY_MINUTES) -> tuple[Minute, ...]:
        """Give so many minutes, a day at most, the last one being the one that is not over."""
        return self.look(minutes=minutes).minutes

    def gate_closings(self) -> tuple[Closing, ...]:
        """Give the last 200 closings of the gate, the newest first."""
        return self.look(minutes=0).closings

    def batch_throughput(self, batch: str, points: int = 240) -> Throughput:
        """Give the throughput of a batch in so many parts at most."""
        return self.look(minutes=0, batch=batch, points=points).throughput or Throughput(MINUTE_S)

    def look(self, *, minutes: int = DAY_MINUTES, batch: str | None = None, points: int = 240) -> Past:
        """Give all of it at one moment; the throughput of one batch, if one is named."""
        now_ms = "" if self._clock is None else round(self._clock() * 1000)
        minutes = min(minutes, DAY_MINUTES)
        calls: list[tuple[str, tuple[str | int, ...]]] = [
            ("traffic", (now_ms, -(-minutes // 60))),
            ("closings", ()),
        ]
        if batch is not None:
            calls.append(("throughput", (now_ms, batch)))
        traffic, closings, *ended = self._store.run_together(*calls)
        now = int(traffic[0]) / 1000
        return Past(
            now=now,
            minutes=minutes_of(traffic, minutes),
            closings=tuple(map(Closing.from_text, closings)),
            throughput=_throughput(now, ended[0][1], points) if ended else None,
        )


def minutes_of(answer: Sequence[str], minutes: int) -> tuple[Minute, ...]:
    """Give the last minutes out of what the script `traffic` answers."""
    now_ms, *hours = answer
    found: dict[int, dict[Sort, int]] = {}
    for hour, text in zip(hours[::2], hours[1::2], strict=True):
        for name, requests in _pairs(text):
            minute, _, sort = name.partition(":")
            found.setdefault(int(hour) * 60 + int(minute), {})[_sort(sort)] = requests
    last = int(now_ms) // 1000 // MINUTE_S
    numbers = range(last - minutes + 1, last + 1)
    return tuple(Minute(number * MINUTE_S, found.get(number, {})) for number in numbers)


@cache
def _sort(name: str) -> Sort:
    endpoint, lane, answered = name.split(":")
    return Endpoint(endpoint), Lane(lane), Answered(answered)


def _throughput(now: float, text: str, points: int) -> Throughput:
    """Give what the script `throughput` answers, in parts that are as wide as they must be."""
    ended: Counter[tuple[int, str]] = Counter()
    about: dict[str, int] = {}
    for name, number in _pairs(text):
        part, _, what = name.partition(":")
        if what:
            ended[int(part), what] = number
        else:
            about[name] = number
    if not ended:
        return Throughput(MINUTE_S)
    width_s, first = about["width_s"], about["first"]
    last = max(int(now // width_s), *(part for part, _ in ended))
    while last - first >= max(1, points):
        width_s, first, last = width_s * 2, first // 2, last // 2
        ended = _halved(ended.items())
    parts = (Part(n * width_s, ended[n, "done"], ended[n, "dead"]) for n in range(first, last + 1))
    return Throughput(width_s, tuple(parts))


def _halved(ended: Iterable[tuple[tuple[int, str], int]]) -> Counter[tuple[int, str]]:
    halved: Counter[tuple[int, str]] = Counter()
    for (part, what), number in ended:
        halved[part // 2, what] += number
    return halved


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    """Read names, each with its number behind it."""
    words = text.split()
    return zip(words[::2], map(int, words[1::2]), strict=True)
