"""One Flower for all tests that only look and act; each has batches of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.flowers import Flower, running_flower
from tests.ledgers import Filled


@pytest.fixture(scope="session")
def watched() -> str:
    """The namespace that the shared Flower watches."""
    return f"watched-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def flower(server_url: str, watched: str) -> Iterator[Flower]:
    """Flower with a password."""
    with running_flower(server_url, watched) as running:
        yield running


@pytest.fixture(scope="session")
def filled(server_url: str, watched: str) -> Iterator[Filled]:
    """The ledger that it watches."""
    opened = Filled.on(server_url, watched)
    yield opened
    opened.close()


@pytest.fixture
def batch() -> str:
    """A name that no other test has."""
    return f"calls-{uuid.uuid4().hex[:8]}"


@pytest.fixture(autouse=True)
def alone(filled: Filled) -> None:
    """Let nothing be claimed but what the test itself hands in."""
    for each in filled.ledger.batches():
        if each.waiting:
            filled.control.pause(each.batch)
