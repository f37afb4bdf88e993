"""Durations."""

from typing import Any

import pytest

from pipeline.call import encode_call
from pipeline.manifest.mapping.numbers import Unit, duration_of


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("s", "125", "125"),
        ("s", "125.80", "125.80"),
        ("ms", "125800", "125.8"),
        ("ms", "1000", "1"),
        ("ms", "1", "0.001"),
        ("min", "2.5", "150"),
        ("hh:mm:ss", "1:02:03", "3723"),
        ("hh:mm:ss", "00:00:00", "0"),
        ("hh:mm:ss", "03:21", "201"),
        ("hh:mm:ss", "90:00", "5400"),
        ("hh:mm:ss", "0:00:01.250", "1.25"),
        ("hh:mm:ss", "100:00:00", "360000"),
    ],
)
def test_duration_is_read_as_seconds(unit: Unit, text: str, expected: str) -> None:
    assert encode_call({"duration": duration_of(unit)(text)}) == f'{{"duration":{expected}}}'


@pytest.mark.parametrize(
    ("unit", "text", "message"),
    [
        ("ms", "1:30", "is not a number of milliseconds"),
        ("ms", "1e999999999", "is not a number of milliseconds"),
        ("ms", "-5", "is not a number of milliseconds"),
        ("min", "two", "is not a number of minutes"),
        ("hh:mm:ss", "125", "is not a duration like 1:02:03"),
        ("hh:mm:ss", "1:2:3:4", "is not a duration"),
        ("hh:mm:ss", "1h 2m", "is not a duration"),
        ("hh:mm:ss", "", "is not a duration"),
    ],
)
def test_other_text_is_refused(unit: Unit, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        duration_of(unit)(text)


@pytest.mark.parametrize("text", ["two minutes", "1:30", "125,80"])
def test_seconds_that_are_none_are_left_for_the_check_of_the_call(text: str) -> None:
    value: Any = duration_of("s")(text)
    assert value == text
