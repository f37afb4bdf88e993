"""Asking a source that may never answer."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable

import pytest

from pipeline.errors import LeaseLost, MediaRefused, MediaUnavailable
from pipeline.lent import IDLE, IDLE_MAX
from pipeline.media.patience import answer_of, start, unwatched
from tests.waiting import await_true

pytestmark = pytest.mark.usefixtures("reads_to_an_end")

PATIENCE_S = 10.0
SHORT_S = 0.05


def test_an_answer_or_an_error_comes_out_as_it_is() -> None:
    def refuse() -> int:
        raise MediaRefused("media_missing", "not there")

    assert answer_of(lambda: 7, drop=print, stall_s=PATIENCE_S, watch=unwatched) == 7
    with pytest.raises(MediaRefused, match="not there"):
        answer_of(refuse, drop=print, stall_s=PATIENCE_S, watch=unwatched)


def test_an_answer_that_comes_too_late_is_dropped() -> None:
    goes_on = threading.Event()
    dropped: list[int] = []

    def ask() -> int:
        goes_on.wait(PATIENCE_S)
        return 7

    with pytest.raises(MediaUnavailable, match=r"gave nothing for 0\.05 s"):
        answer_of(ask, drop=dropped.append, stall_s=SHORT_S, watch=unwatched)
    assert dropped == []

    goes_on.set()

    await_true(lambda: dropped == [7], "what came late was dropped")


def test_who_watches_ends_the_wait() -> None:
    goes_on = threading.Event()

    def watch() -> None:
        raise LeaseLost("claimed again")

    with pytest.raises(LeaseLost):
        answer_of(lambda: goes_on.wait(PATIENCE_S), drop=lambda _: None, stall_s=PATIENCE_S, watch=watch)
    goes_on.set()


def held() -> tuple[threading.Event, Callable[[], None]]:
    """Something that hangs until the event is set."""
    goes_on = threading.Event()

    def hold() -> None:
        goes_on.wait(PATIENCE_S)

    return goes_on, hold


def thread_that_answers() -> threading.Thread:
    """Give the thread that is asked, when it can be asked again."""
    answers: list[threading.Thread] = []
    start("ask-source", lambda: answers.append(threading.current_thread())).join(PATIENCE_S)
    return answers[0]


def test_a_thread_that_is_through_is_asked_again_and_one_that_hangs_is_not() -> None:
    first = thread_that_answers()
    goes_on, hold = held()
    hanging = start("ask-source", hold)

    others = {thread_that_answers() for _ in range(3)}

    assert first.daemon
    assert len(others) == 1
    assert hanging.is_alive()
    goes_on.set()
    hanging.join(PATIENCE_S)
    assert not hanging.is_alive()


def test_no_more_threads_are_kept_than_are_seldom_at_work() -> None:
    goes_on, hold = held()
    before = threading.active_count()
    running = [start("ask-source", hold) for _ in range(3 * IDLE_MAX)]
    assert threading.active_count() >= before + 2 * IDLE_MAX

    goes_on.set()

    for each in running:
        each.join(PATIENCE_S)
    await_true(
        lambda: sum(thread.name == IDLE for thread in threading.enumerate()) < 2 * IDLE_MAX,
        "the others ended",
    )


def test_what_fails_is_logged_and_its_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise OSError("the share is gone")

    before = thread_that_answers()
    start("read-ahead", fail).join(PATIENCE_S)

    assert "the share is gone" in caplog.text
    assert thread_that_answers() is before


def _asked_in_a_child() -> None:
    assert thread_that_answers().is_alive()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_that_was_forked_off_has_threads_of_its_own() -> None:
    thread_that_answers()
    child = multiprocessing.get_context("fork").Process(target=_asked_in_a_child)
    child.start()

    child.join(PATIENCE_S)

    assert child.exitcode == 0
