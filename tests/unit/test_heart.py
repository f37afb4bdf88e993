"""One thread looks after all that is held: again and again, until its end, and not a moment longer."""

from __future__ import annotations

import os
import threading

import pytest

from pipeline import heart
from pipeline.heart import keep_beating
from tests.waiting import await_true

OFTEN_S = 0.01
SELDOM_S = 60.0


class Looks:
    """Counts the looks, by the thread that looks."""

    def __init__(self, *, goes_on: bool = True) -> None:
        self.by: list[int] = []
        self._goes_on = goes_on

    def __call__(self) -> bool:
        self.by.append(threading.get_ident())
        return self._goes_on


def test_it_is_looked_after_again_and_again_until_its_end() -> None:
    looks = Looks()

    beating = keep_beating(looks, every_s=OFTEN_S)
    await_true(lambda: len(looks.by) >= 3, "it was looked at three times")
    beating.end()

    seen = len(looks.by)
    # Others still are, so the thread would look again.
    others = Looks()
    other = keep_beating(others, every_s=OFTEN_S)
    await_true(lambda: len(others.by) >= 3, "the other one was looked at three times")
    other.end()
    assert len(looks.by) == seen


def test_its_end_waits_for_a_look_that_is_under_way() -> None:
    is_looking, may_go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def look() -> bool:
        is_looking.set()
        return may_go_on.wait(SELDOM_S)

    beating = keep_beating(look, every_s=OFTEN_S)
    is_looking.wait(SELDOM_S)

    def end() -> None:
        beating.end()
        ended.set()

    threading.Thread(target=end).start()

    assert not ended.wait(0.05)
    may_go_on.set()
    assert ended.wait(SELDOM_S)


def test_one_that_sees_no_more_is_left_alone() -> None:
    looks = Looks(goes_on=False)

    beating = keep_beating(looks, every_s=OFTEN_S)

    await_true(lambda: beating not in heart._heart._beating, "it is left alone")
    assert len(looks.by) == 1
    beating.end()


def test_one_that_fails_is_told_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    def look() -> bool:
        raise ValueError("too bad")

    beating = keep_beating(look, every_s=OFTEN_S)

    await_true(lambda: beating not in heart._heart._beating, "it is left alone")
    assert "could not be looked after any more" in caplog.text
    assert "too bad" in caplog.text


def test_all_are_looked_after_by_one_thread_also_those_that_came_while_it_slept_long() -> None:
    seldom = keep_beating(lambda: True, every_s=SELDOM_S)
    await_true(lambda: heart._heart._sleeps_s == SELDOM_S, "it sleeps long")
    both = Looks(), Looks()

    often = [keep_beating(looks, every_s=OFTEN_S) for looks in both]

    await_true(lambda: all(looks.by for looks in both), "both were looked at")
    assert len({thread for looks in both for thread in looks.by}) == 1
    for each in (seldom, *often):
        each.end()


def test_it_sleeps_while_nothing_is_held() -> None:
    keep_beating(lambda: True, every_s=OFTEN_S).end()

    await_true(lambda: heart._heart._sleeps_s is None, "it sleeps until somebody comes")


def test_where_there_is_no_room_for_a_thread_the_next_one_tries_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    heart._begin_anew()
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", no_room)
        with pytest.raises(RuntimeError):
            keep_beating(lambda: True, every_s=OFTEN_S)
    looks = Looks()

    beating = keep_beating(looks, every_s=OFTEN_S)

    await_true(lambda: looks.by, "it was looked at")
    beating.end()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_has_a_heart_of_its_own() -> None:
    beating = keep_beating(lambda: True, every_s=SELDOM_S)
    if not (child := os.fork()):
        looked = threading.Event()

        def look() -> bool:
            looked.set()
            return True

        keep_beating(look, every_s=OFTEN_S)
        os._exit(0 if looked.wait(SELDOM_S) else 1)

    _, status = os.waitpid(child, 0)
    beating.end()
    assert os.waitstatus_to_exitcode(status) == 0
