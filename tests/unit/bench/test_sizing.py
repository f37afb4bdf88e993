"""What is computed from measured workers: by Little's law, and never too little."""

from __future__ import annotations

import pytest

from bench.sizing import Memory, fleet_row

# Each process takes 40 MB, the rest 70 MB.
MEASURED = (Memory(1, 0, 110_000_000), Memory(11, 0, 510_000_000))


@pytest.mark.parametrize(
    ("per_s", "per_day", "size_mb", "expected"),
    [
        # 5,000 a day are 0.058 a second, each out for 2 s and 0.1 s of bytes
        (3, 10_000, 1, {"a day": "5,000", "by day": "1", "by second": "4", "line": "0.5"}),
        # a day cannot hold more than its seconds allow: 1.5 a second, each out for 2 s and 10 s of bytes
        (3, 10_000_000, 100, {"a day": "129,600", "by day": "18", "by second": "18", "line": "1,200.0"}),
    ],
)
def test_processes_are_the_rate_times_how_long_a_recording_is_out(
    per_s: int, per_day: int, size_mb: int, expected: dict[str, str]
) -> None:
    _, _, _, a_day, line, by_day, by_second, *_ = fleet_row(per_s, per_day, size_mb, MEASURED)

    assert {"a day": a_day, "by day": by_day, "by second": by_second, "line": line} == expected


def test_memory_is_that_of_both_workers() -> None:
    *_, by_day, by_second = fleet_row(3, 10_000, 1, MEASURED)

    # 2 processes for calls; 1 and 4 for media; and twice the rest
    assert (by_day, by_second) == ("0.3 GB", "0.4 GB")
