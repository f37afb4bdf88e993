"""Bundles on their way: one at a time, the next one ready, and each seen to its end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import cast

import pytest

from pipeline.errors import LedgerUnreachable
from pipeline.ledger import SUBMIT_BUNDLE, in_bundles


class Ways:
    """Notes what is begun and answered; the bundle that starts with `lost` gets no answer."""

    def __init__(self, lost: int | None = None) -> None:
        self.seen: list[str] = []
        self._lost = lost

    def begin(self, bundle: list[int]) -> Callable[[], Sequence[int]]:
        self.seen.append(f"begun {bundle[0]}")

        def answer() -> Sequence[int]:
            self.seen.append(f"answered {bundle[0]}")
            if bundle[0] == self._lost:
                raise LedgerUnreachable("gone")
            return bundle

        return answer

    def made(self, count: int) -> Iterator[int]:
        for number in range(count):
            if number and number % SUBMIT_BUNDLE == 0:
                self.seen.append(f"making {number}")
            yield number


def test_the_next_bundle_is_made_while_one_is_under_way_and_begun_when_that_is_answered() -> None:
    ways = Ways()

    assert list(in_bundles(ways.made(450), ways.begin)) == list(range(450))

    assert ways.seen == [
        "begun 0",
        "making 200",
        "answered 0",
        "begun 200",
        "making 400",
        "answered 200",
        "begun 400",
        "answered 400",
    ]


@pytest.mark.parametrize("lost", [None, 200])
def test_what_is_under_way_is_seen_to_its_end_when_nobody_reads_on(lost: int | None) -> None:
    ways = Ways(lost)
    answers = cast("Generator[int]", in_bundles(ways.made(600), ways.begin))
    assert next(answers) == 0

    answers.close()

    assert ways.seen[-2:] == ["begun 200", "answered 200"]


def test_an_error_comes_behind_the_answers_before_it() -> None:
    ways = Ways(lost=200)
    read: list[int] = []

    with pytest.raises(LedgerUnreachable):
        read.extend(in_bundles(ways.made(600), ways.begin))

    assert read == list(range(200))
    assert "begun 400" not in ways.seen
