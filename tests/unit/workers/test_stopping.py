"""The instant by which a stopping worker's work must end."""

from __future__ import annotations

import mmap
import time

import billiard.pool
import pytest

import workers.stopping
from pipeline.fleet import AT_ONCE_S, STOP_MARGIN_S
from workers.stopping import ask_to_stop, stop_by


@pytest.fixture(autouse=True)
def ends_in_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody has asked yet; gives after what times the worker, which is this process, would be ended."""
    ends: list[float] = []
    monkeypatch.setattr(workers.stopping, "_shared", mmap.mmap(-1, 8))
    monkeypatch.setattr(workers.stopping, "_end_in", lambda wait_s, _sentence: ends.append(wait_s))
    monkeypatch.setenv("GONG_INGEST_STOP_GRACE_S", "20")
    return ends


def test_while_nobody_asked_there_is_none() -> None:
    assert stop_by() is None


def test_it_is_a_grace_away_when_somebody_asks(ends_in_s: list[float]) -> None:
    before = time.monotonic()

    ask_to_stop()

    instant = stop_by()
    assert instant is not None
    assert before + 20 <= instant <= time.monotonic() + 20
    assert ends_in_s == [20 + STOP_MARGIN_S]


def test_asked_again_it_is_now(ends_in_s: list[float]) -> None:
    ask_to_stop()

    ask_to_stop()

    instant = stop_by()
    assert instant is not None
    assert instant <= time.monotonic()
    assert ends_in_s[1:] == [AT_ONCE_S]


def test_asked_again_after_its_grace_it_takes_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONG_INGEST_STOP_GRACE_S", "0")
    ask_to_stop()
    first = stop_by()

    ask_to_stop()

    assert stop_by() == first


def test_a_process_that_ends_waits_for_its_parent_no_longer_than_the_margin_of_a_stop() -> None:
    retries, each_s = (
        getattr(billiard.pool, f"GUARANTEE_MESSAGE_CONSUMPTION_RETRY_{name}")
        for name in ("LIMIT", "INTERVAL")
    )

    assert 0 < retries * each_s < STOP_MARGIN_S / 2
