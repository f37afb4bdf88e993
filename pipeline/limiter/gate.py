"""The gate as it is told of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """The closed gate. Times are seconds since the epoch on the server's clock.

    Attributes:
        mode: `timed` (opens at `until`), `probe` (one request may try at `until`) or `hand`.
        confirmed: When its reason was last given; a gate of yesterday may have been mended since.
    """

    reason: str
    detail: str
    mode: str
    since: float
    until: float
    confirmed: float
