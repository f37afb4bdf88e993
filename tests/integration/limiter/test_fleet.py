"""Eight processes and one gate: once one of them closed it, none sends anything."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from multiprocessing.process import BaseProcess

import pytest

from pipeline.job import Lane
from pipeline.limiter import Limiter, Notices, Slot
from pipeline.store import Store
from tests.integration.limiter.pace import make_limits
from tests.servers import Server
from tests.waiting import await_true

pytestmark = pytest.mark.quiet

PROCESSES = 8
PER_SECOND = 40.0
# A notice is there within milliseconds; a process that is about to leave cannot be held up any more, and on a
# busy machine may take its time to.
ON_THE_WAY_S = 0.3
# Eight processes that start at once take long on a busy machine.
HEARD_S = 60.0


def send_on(url: str, namespace: str, pipe: Connection) -> None:
    """Take slots and tell the instant (`time.monotonic`, one clock for all) at which each is used."""
    store = Store(url, namespace)
    limiter, notices = Limiter(store, make_limits(PER_SECOND)), Notices(store)
    notices.listen()
    while not pipe.poll():
        answer = limiter.acquire(Lane.BACKFILL)
        if not isinstance(answer, Slot):
            pipe.poll(min(answer.wait_s, 0.2))
            continue
        slot: Slot | None = answer
        while slot is not None and slot.wait_s:
            slot = notices.follow(slot, slot.wait_s)
        if slot is not None and not slot.is_missed:
            pipe.send(time.monotonic())
    store.close()


@contextmanager
def fleet(url: str, namespace: str) -> Iterator[list[Connection]]:
    context = multiprocessing.get_context("spawn")
    ends: list[Connection] = []
    processes: list[BaseProcess] = []
    for _ in range(PROCESSES):
        here, there = context.Pipe()
        processes.append(context.Process(target=send_on, args=(url, namespace, there)))
        processes[-1].start()
        ends.append(here)
    try:
        yield ends
    finally:
        for end in ends:
            end.send("stop")
        for process in processes:
            process.join(HEARD_S)
            process.kill()


def sent_until(ends: list[Connection], deadline: float) -> list[float]:
    """Hear what is sent until an instant (`time.monotonic`)."""
    sent: list[float] = []
    while (left_s := deadline - time.monotonic()) > 0:
        for end in wait_for_any(ends, left_s):
            assert isinstance(end, Connection)
            sent.append(end.recv())
    return sent


def test_nothing_is_sent_by_any_of_eight_processes_while_the_gate_is_closed(
    server: Server, store: Store, namespace: str
) -> None:
    limiter = Limiter(store, make_limits(PER_SECOND))
    with fleet(server.url, namespace) as ends:
        for end in ends:
            assert end.poll(HEARD_S), "every process takes its part"
        sent_until(ends, time.monotonic() + 0.5)
        await_true(lambda: limiter.use().today > 2 * PROCESSES, "they send on")

        before = time.monotonic()
        limiter.close_for(2, "429")
        closed_at = time.monotonic()
        late = [at for at in sent_until(ends, before + 1.9) if at > closed_at + ON_THE_WAY_S]
        assert late == []

        # By itself it opens again, for all of them.
        for end in ends:
            assert end.poll(HEARD_S)
            assert end.recv() >= before + 2
