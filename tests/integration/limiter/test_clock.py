"""When a slot comes, on the clock of the process that holds it, however long it took to be told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.job import Lane
from pipeline.limiter import Limiter, Slot, limiter
from pipeline.store import Store
from tests.chaos.cable import Cable
from tests.integration.limiter.pace import make_limits
from tests.servers import Server

HELD_S = 1.2


@pytest.fixture
def cable(server: Server) -> Iterator[Cable]:
    way = Cable(Path(server.url.removeprefix("unix://").partition("?")[0]))
    yield way
    way.close()


@pytest.fixture
def far(cable: Cable, namespace: str) -> Iterator[Limiter]:
    """A limiter at the other end of a cable."""
    store = Store(cable.url, namespace)
    yield Limiter(store, make_limits(50.0))
    store.close()


def acquire_while_held(far: Limiter, cable: Cable) -> Slot:
    """Ask, with nothing passing through for a while."""
    cable.hold()
    with ThreadPoolExecutor(1) as asking:
        asked = asking.submit(far.acquire, Lane.BACKFILL)
        assert not threading.Event().wait(HELD_S)
        cable.mend()
        slot = asked.result()
    assert isinstance(slot, Slot)
    return slot


def off_s(slot: Slot, far: Limiter) -> float:
    """Say by how much at the least this process's reckoning of a slot differs from the server's."""
    asked_at = time.monotonic()
    wait_s = slot.at_us / 1e6 - far.clock()
    # The server read its clock at some time in between.
    least, most = (wait_s - (slot.leaves_at - now_s) for now_s in (asked_at, time.monotonic()))
    return max(least, -most, 0.0)


def test_a_first_slot_that_was_long_in_coming_is_known_by_the_time_alone(far: Limiter, cable: Cable) -> None:
    # another's exchange, by the same connection
    assert isinstance(Limiter(far._store, far.limits).acquire(Lane.BACKFILL), Slot)

    slot = acquire_while_held(far, cable)

    assert off_s(slot, far) < HELD_S / 4
    assert not slot.is_vague


def test_a_slot_whose_time_is_told_by_nothing_is_vague(
    far: Limiter, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "CLOCK_READINGS_MAX", 0)
    assert isinstance(Limiter(far._store, far.limits).acquire(Lane.BACKFILL), Slot)

    slot = acquire_while_held(far, cable)

    assert slot.is_vague
    assert slot.doubt_s > HELD_S / 4
    following = far.acquire(Lane.BACKFILL)
    assert isinstance(following, Slot)
    assert following.doubt_s < slot.doubt_s


def test_a_slot_that_was_long_in_coming_is_known_by_the_slots_before(far: Limiter, cable: Cable) -> None:
    assert isinstance(far.acquire(Lane.BACKFILL), Slot)

    slot = acquire_while_held(far, cable)

    assert off_s(slot, far) < HELD_S / 4
    assert slot.doubt_s < HELD_S / 4


def test_to_connect_takes_no_part_in_it(far: Limiter, cable: Cable) -> None:
    far.acquire(Lane.BACKFILL)
    far._store.close()  # the next question needs a connection of its own

    slot = acquire_while_held(far, cable)

    assert off_s(slot, far) < HELD_S / 4
    assert slot.doubt_s < HELD_S / 4


def test_a_question_that_had_to_be_asked_again_is_vague(far: Limiter, server: Server) -> None:
    far.acquire(Lane.BACKFILL)
    server.client.client_kill_filter(_type="normal", skipme=True)
    slot = far.acquire(Lane.BACKFILL)
    assert isinstance(slot, Slot)
    # However it was asked, what is known of its instant is true.
    assert off_s(slot, far) < slot.doubt_s + HELD_S / 4
