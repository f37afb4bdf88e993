"""Options that cannot be served are refused when they are made."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pipeline.simulator import SimulatorOptions, SimulatorRefused


def test_the_defaults_are_the_limits_of_the_api() -> None:
    options = SimulatorOptions()
    assert (options.requests_per_second, options.requests_per_day) == (3.0, 10_000)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"port": 65_536}, "The port must lie between 0 and 65535, not 65536."),
        ({"requests_per_second": 0}, "Requests per second must be more than 0, not 0."),
        ({"requests_per_second": math.nan}, "Requests per second must be more than 0, not nan."),
        ({"requests_per_day": 0}, "Requests per day must be 1 or more, not 0."),
        ({"policy": "leaky"}, "The policy must be one of fixed, sliding, bucket, not 'leaky'."),
        (
            {"latency_s": (0.4, 0.1)},
            "The latency must be two numbers of seconds, the smaller first, not 0.4-0.1.",
        ),
        ({"faults": "lost=2"}, "its share must lie between 0 and 1"),
        ({"access_key": ""}, "The access key and its secret must not be empty."),
        ({"access_key": "a:b"}, "The access key must not contain a colon"),
        ({"users": -1}, "The users must number 0 to 100000, not -1."),
        ({"duplicate_status": 500}, "The status for a duplicate must be 400 or 409, not 500."),
        ({"day_s": 0}, "A day must last more than 0 seconds, not 0."),
        ({"processing_s": -1}, "Processing must take 0 seconds or more, not -1."),
    ],
)
def test_an_option_that_cannot_be_served_is_refused_with_a_sentence(
    overrides: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SimulatorRefused) as refused:
        SimulatorOptions(**overrides)
    assert sentence in str(refused.value)


def test_every_wrong_option_is_named_at_once() -> None:
    with pytest.raises(SimulatorRefused, match=r"port .* users .* fault"):
        SimulatorOptions(port=-1, users=-1, faults="nonsense=1")
