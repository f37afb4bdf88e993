"""Faults on demand: what is asked for, and what a request draws; pure, the time is passed in.

    429     refused: other integrations of the company used the budget up
    401     access denied (403 where the API says so)
    500     failed before any effect
    reset   the connection is reset (RST) before any effect; for a body at a drawn place within it
    504     carried out, then answered by a gateway that did not wait (HTML, not JSON)
    lost    carried out, then the connection is closed without an answer
    cut     carried out, then half of the answer's body under its full Content-Length
    slow    carried out, answered late

The first that is drawn, in this order, happens; `slow` comes on top of any that is carried out.

Invariant: what the n-th request of an endpoint meets follows from seed, endpoint, n and the faults that are
set, whatever other endpoints are asked meanwhile.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.simulator.chance import sequence

KINDS = ("429", "401", "500", "reset", "504", "lost", "cut", "slow")
ENDPOINTS = ("create", "media", "calls", "call", "users", "user", "workspaces", "token", "other")
SLOW_S = (2.0, 5.0)

_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_FAULT = re.compile(
    rf"(?:(?P<endpoint>[a-z]+)\.)?(?P<kind>\w+)"
    rf"(?:=(?P<share>{_NUMBER}))?"
    rf"(?::(?P<low>{_NUMBER})-(?P<high>{_NUMBER}))?"
    rf"(?:@(?P<start>{_NUMBER})-(?P<end>{_NUMBER})?)?"
)


class FaultsInvalid(ValueError):
    """The faults cannot be understood; the text names the one and what would be right."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: at which endpoint (None: all), for what share of requests, and when.

    Attributes:
        range_s: Seconds of delay for `slow`, of `Retry-After` for `429`; None takes the default.
        start_s: When it begins, in seconds since the faults were set.
        end_s: When it ends; this instant is not included.
    """

    kind: str
    endpoint: str | None = None
    share: float = 1.0
    range_s: tuple[float, float] | None = None
    start_s: float = 0.0
    end_s: float = math.inf

    def concerns(self, endpoint: str, since_set_s: float) -> bool:
        """Tell whether the fault is on at this endpoint now."""
        return self.endpoint in (None, endpoint) and self.start_s <= since_set_s < self.end_s

    def text(self) -> str:
        """Return the fault in the words of `parse`."""
        text = f"{self.endpoint}.{self.kind}" if self.endpoint else self.kind
        text += f"={self.share:g}"
        if self.range_s is not None:
            text += ":{:g}-{:g}".format(*self.range_s)
        if self.start_s > 0 or self.end_s < math.inf:
            text += f"@{self.start_s:g}-" + (f"{self.end_s:g}" if self.end_s < math.inf else "")
        return text


@dataclass(frozen=True, slots=True)
class Fate:
    """What one request meets.

    Attributes:
        kind: The fault that happens, None for none. Never `slow`.
        delay_s: Seconds between effect and answer, latency included.
        retry_after_s: Seconds for the `Retry-After` of a 429.
        reset_share: The share of the body after which the connection is reset, less than 1.
    """

    kind: str | None = None
    delay_s: float = 0.0
    retry_after_s: float = 1.0
    reset_share: float = 0.0


def parse(text: str) -> tuple[Fault, ...]:
    """Read faults such as `429=0.02,media.slow=0.1:2-5,401@10-20`.

    Each is `[endpoint.]kind[=share][:low-high][@from-[to]]`: a share of the requests, 0 to 1, all when left
    out; a range in seconds, for `slow` and `429`; and seconds since the faults were set.

    Raises:
        FaultsInvalid: One of them has another form, or an endpoint, kind or number that does not exist.
    """
    return tuple(_parse_one(part.strip()) for part in text.split(",") if part.strip())


def from_mapping(mapping: Mapping[str, object]) -> tuple[Fault, ...]:
    """Read faults from JSON: `{"429": 0.02, "media.slow": "0.1:2-5", "401": "@10-20", "500": true}`.

    A key is `[endpoint.]kind`; a value is a share, true (all), false (none), or the rest of the fault.

    Raises:
        FaultsInvalid: As for `parse`.
    """
    return tuple(_parse_one(_one_text(key, value)) for key, value in mapping.items() if value is not False)


def _one_text(key: str, value: object) -> str:
    if value is True:
        return key
    if isinstance(value, int | float):
        return f"{key}={value:f}"
    if isinstance(value, str):
        return f"{key}{value}" if value[:1] in (":", "@", "") else f"{key}={value}"
    raise FaultsInvalid(f"The fault {key!r} must be a share, true, false or text, not {value!r}.")


def _parse_one(text: str) -> Fault:
    match = _FAULT.fullmatch(text)
    if match is None:
        raise FaultsInvalid(
            f"The fault {text!r} must look like 'lost=0.2', 'media.slow=0.1:2-5' or '401@10-20'."
        )
    low, high, start, end = (match[name] for name in ("low", "high", "start", "end"))
    fault = Fault(
        kind=match["kind"],
        endpoint=match["endpoint"],
        share=float(match["share"] or 1.0),
        range_s=None if low is None else (float(low), float(high)),
        start_s=float(start or 0.0),
        end_s=float(end or math.inf),
    )
    _check(fault, text)
    return fault


def _check(fault: Fault, text: str) -> None:
    rules = (
        (fault.kind in KINDS, f"its kind must be one of {', '.join(KINDS)}"),
        (fault.endpoint in (None, *ENDPOINTS), f"its endpoint must be one of {', '.join(ENDPOINTS)}"),
        (fault.share <= 1.0, "its share must lie between 0 and 1"),
        (fault.range_s is None or fault.kind in ("slow", "429"), "only slow and 429 take a range of seconds"),
        (
            fault.range_s is None or fault.range_s[0] <= fault.range_s[1],
            "the smaller second of a range comes first",
        ),
        (fault.start_s < fault.end_s, "it must end after it starts"),
    )
    for right, sentence in rules:
        if not right:
            raise FaultsInvalid(f"The fault {text!r} cannot be used: {sentence}.")


class Dice:
    """Draws the fate of each request; one seeded sequence for each endpoint."""

    def __init__(self, seed: int, faults: Iterable[Fault], latency_s: tuple[float, float]) -> None:
        self._latency_s = latency_s
        self._sequences = {endpoint: sequence(seed, f"faults {endpoint}") for endpoint in ENDPOINTS}
        self.faults = tuple(faults)
        self._set_s = 0.0

    def set(self, faults: Iterable[Fault], now_s: float) -> None:
        """Replace all faults; their times count from `now_s`."""
        self.faults = tuple(faults)
        self._set_s = now_s

    def draw(self, endpoint: str, now_s: float) -> Fate:
        """Draw for the next request of the endpoint. Every request uses up the same number of draws."""
        draw = self._sequences[endpoint].random
        draws = {kind: draw() for kind in KINDS}
        place, range_place, latency_place = draw(), draw(), draw()
        since_set_s = now_s - self._set_s
        drawn: dict[str, Fault] = {}
        for fault in self.faults:
            if fault.concerns(endpoint, since_set_s) and draws[fault.kind] < fault.share:
                drawn.setdefault(fault.kind, fault)
        slow = drawn.pop("slow", None)
        delay_s = _within(self._latency_s, latency_place)
        return Fate(
            kind=next((kind for kind in KINDS if kind in drawn), None),
            delay_s=delay_s + (_within(slow.range_s or SLOW_S, range_place) if slow else 0.0),
            retry_after_s=_retry_after_s(drawn.get("429"), range_place, since_set_s),
            reset_share=place,
        )


def _within(range_s: tuple[float, float], place: float) -> float:
    low_s, high_s = range_s
    return low_s + (high_s - low_s) * place


def _retry_after_s(fault: Fault | None, place: float, since_set_s: float) -> float:
    """Count down to the end of a 429 that has one; else draw from its range, else 1 s."""
    if fault is None:
        return 1.0
    if fault.range_s is not None:
        return _within(fault.range_s, place)
    return 1.0 if math.isinf(fault.end_s) else fault.end_s - since_set_s
