"""Threads that are lent: one for each work, the same one for the next, and never one that hangs."""

from __future__ import annotations

import os
import threading

import pytest

from pipeline import lent
from pipeline.lent import IDLE_MAX, lend

WITHIN_S = 10.0


def where_it_runs() -> int:
    found: list[int] = []
    lend("test", lambda: found.append(threading.get_ident())).join(WITHIN_S)
    return found[0]


def test_the_next_work_is_done_by_the_same_thread() -> None:
    assert len({where_it_runs() for _ in range(5)}) == 1


def test_a_thread_that_hangs_is_lent_to_nobody_else() -> None:
    goes_on = threading.Event()
    hanging = lend("hangs", goes_on.wait)

    lend("test", lambda: None).join(WITHIN_S)
    hanging.join(0.01)
    assert hanging.is_alive()
    goes_on.set()
    hanging.join(WITHIN_S)
    assert not hanging.is_alive()


def test_work_that_fails_is_told_and_its_thread_works_on(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("too bad")

    before = where_it_runs()
    lend("fails", fail).join(WITHIN_S)

    assert "What was done beside (fails) did not come to its end." in caplog.text
    assert "too bad" in caplog.text
    assert where_it_runs() == before


def test_no_more_threads_stay_than_are_of_use() -> None:
    goes_on = threading.Event()
    works = [lend("test", goes_on.wait) for _ in range(3 * IDLE_MAX)]
    goes_on.set()
    for each in works:
        each.join(WITHIN_S)

    # Each looks for itself whether there are enough already, and nothing is held meanwhile.
    assert IDLE_MAX <= len(lent._idle) < 2 * IDLE_MAX


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    where_it_runs()
    assert lent._idle
    child = os.fork()
    if not child:
        os._exit(len(lent._idle))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
