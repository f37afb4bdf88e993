"""The instant by which a stopping worker's work must end."""

from __future__ import annotations

import mmap
import time

import billiard.pool
import pytest

import workers.stopping
from pipeline.fleet import STOP_MARGIN_S
from workers.stopping import ask_to_stop, stop_by


@pytest.fixture(autouse=True)
def nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.stopping, "_shared", mmap.mmap(-1, 8))
    monkeypatch.setenv("GONG_INGEST_STOP_GRACE_S", "20")


def test_while_nobody_asked_there_is_none() -> None:
    assert stop_by() is None


def test_it_is_a_grace_away_when_somebody_asks() -> None:
    before = time.monotonic()

    ask_to_stop()

    instant = stop_by()
    assert instant is not None
    assert before + 20 <= instant <= time.monotonic() + 20


def test_asked_again_it_takes_no_longer() -> None:
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
