"""Many things on their way to the ledger: in bundles, one ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from pipeline.errors import IngestError

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Jobs a submitting round trip carries: large enough to hide it, small enough not to hold up the server.
SUBMIT_BUNDLE = 200

# Sends a bundle, and gives what waits for the answers.
Begin = Callable[[list[Item]], Callable[[], Sequence[Answer]]]


def in_bundles(items: Iterable[Item], begin: Begin[Item, Answer]) -> Iterator[Answer]:
    """Submit in bundles; while one is under way the next one is made ready. Gives the answers, in order.

    A bundle is begun when the one before was answered, so they do not overtake each other. What goes wrong
    with one comes out behind the answers of those before; what was begun is seen to its end, whatever comes.
    """
    remaining = iter(items)
    under_way: Callable[[], Sequence[Answer]] | None = None
    try:
        while bundle := list(islice(remaining, SUBMIT_BUNDLE)):
            answered, under_way = under_way, None
            answers = answered() if answered else ()
            under_way = begin(bundle)
            yield from answers
        answered, under_way = under_way, None
        if answered:
            yield from answered()
    finally:
        if under_way:
            with suppress(IngestError):
                under_way()
