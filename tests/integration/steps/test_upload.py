"""An upload that takes its time: what others see of it, and what may happen meanwhile."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pipeline.lease
from pipeline.gong import GongClient
from pipeline.job import State, Step
from pipeline.lease import Progress
from pipeline.steps import Again, GoOn, Next, Stop
from tests.chaos.throttle import Throttle, throttled
from tests.integration.steps.bench import Bench, beside
from tests.integration.steps.test_work import call_in
from tests.recordings import wav
from tests.simulators import Simulator
from tests.waiting import await_true

# More than all the buffers on the way take.
SAMPLES_BYTES = 24_000_000
BLOCK_BYTES = 1 << 20
SLOW, FAST = 2e6, 1e9
# Where the upload is when something happens to it.
UNDER_WAY_BYTES = 500_000


@pytest.fixture
def way(api: Simulator, bench: Bench) -> Iterator[Throttle]:
    """A slow way to the API, on which a long upload of the bench's job comes next."""
    bench.media.write_bytes(wav(bench.name.encode().ljust(100) + bytes(SAMPLES_BYTES)))
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)
    with throttled(api.url) as running:
        running.bytes_per_s = SLOW
        yield running


@contextmanager
def uploading(bench: Bench, way: Throttle, **client: Any) -> Iterator[list[Next]]:
    """Do something when a part of the upload is out; what came of it is in the list afterwards."""
    options = {"connect_timeout_s": 5.0, "read_timeout_s": 20.0, "request_deadline_s": 20.0} | client
    after: list[Next] = []
    with GongClient(way.url, access_key="demo-key", access_key_secret="demo-secret", **options) as slow:
        before = bench.services.client
        bench.have(client=slow)
        with beside(lambda: after.append(bench.run(Step.UPLOAD_MEDIA))):
            await_true(lambda: way.passed_bytes > UNDER_WAY_BYTES, "the upload is under way")
            yield after
        bench.have(client=before)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-9, os.SEEK_END)
        file.write(b"other")


def rewrite_and_put_time_back(path: Path) -> None:
    before = path.stat()
    rewrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_another(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes()[:-9] + b"otherwise")
    times = path.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


def delete(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    "change",
    [grow, shrink, rewrite, rewrite_and_put_time_back, replace_by_another, delete],
    ids=lambda change: change.__name__,
)
def test_media_that_changes_during_its_upload_is_never_reported_as_done(
    bench: Bench, api: Simulator, way: Throttle, change: Callable[[Path], None]
) -> None:
    with uploading(bench, way) as after:
        change(bench.media)
        way.bytes_per_s = FAST

    (stop,) = after
    assert isinstance(stop, Stop)
    assert (stop.state, stop.code) == (State.DEAD, "media_changed")
    call = call_in(api, bench.name)
    assert (call["media"], call["uploads"]) == (None, 0)


def test_media_that_stays_as_it_is_arrives_byte_by_byte(bench: Bench, api: Simulator, way: Throttle) -> None:
    with uploading(bench, way) as after:
        way.bytes_per_s = FAST

    assert after == [GoOn()]
    sha256 = hashlib.sha256(bench.media.read_bytes()).hexdigest()
    assert call_in(api, bench.name)["media"]["sha256"] == sha256


def test_others_see_how_far_an_upload_is(
    bench: Bench, way: Throttle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.lease, "PROGRESS_AFTER_S", 0.0)
    told: list[Progress] = []
    bench.have(worker="host-1:4711", on_progress=told.append)

    with uploading(bench, way) as after:
        await_true(lambda: told, "progress was told")
        (upload,) = bench.services.ledger.under_way()
        way.bytes_per_s = FAST

    assert after == [GoOn()]
    size_bytes = bench.media.stat().st_size
    assert (upload.client_unique_id, upload.step) == (bench.name, Step.UPLOAD_MEDIA)
    assert (upload.worker, upload.size_bytes) == ("host-1:4711", size_bytes)
    assert 0 < (upload.sent_bytes or 0) < size_bytes
    assert upload.sent_bytes in {each.sent_bytes for each in told}
    assert bench.services.ledger.under_way() == []


def test_a_lease_that_is_lost_ends_the_upload_in_its_middle(
    bench: Bench, api: Simulator, way: Throttle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.lease, "PROGRESS_AFTER_S", 0.0)
    with uploading(bench, way) as after:
        # Nothing goes through any more, so it is noticed while the upload waits for the API.
        way.bytes_per_s = 1.0
        bench.server.client.hset(f"{bench.name}:job:{bench.claims[-1].job_id}", "token", "1")

    (stop,) = after
    assert isinstance(stop, Stop)
    assert (stop.state, stop.code) == (None, "lease_lost")
    assert call_in(api, bench.name)["media"] is None
    # It had left all the same, and is counted with the next script.
    bench.services.limiter.clock()
    assert bench.server.client.hget(f"{bench.name}:totals", "requests:upload_media:backfill:none") == "1"


def test_an_api_that_takes_too_little_is_left_and_asked_again(
    bench: Bench, api: Simulator, way: Throttle
) -> None:
    with uploading(bench, way, upload_bytes_per_s_min=2e5, upload_window_s=1.0) as after:
        way.bytes_per_s = 2e4

    assert after == [Again(2.0, "timed_out")]
    assert bench.run(Step.UPLOAD_MEDIA) == GoOn()
    call = call_in(api, bench.name)
    assert (call["uploads"], call["repeated_uploads"]) == (1, 0)


@pytest.fixture
def dead_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Let every read from an offset on wait for ever, as from a share whose server is gone."""
    comes_back = threading.Event()
    read = os.pread

    def die(from_bytes: int) -> None:
        def pread(file: int, size: int, offset: int) -> bytes:
            if offset >= from_bytes:
                assert comes_back.wait(20), "nobody left the place that is dead"
            return read(file, size, offset)

        monkeypatch.setattr(os, "pread", pread)

    yield die
    comes_back.set()
    await_true(lambda: not waiting_readers(), "every reader ended")


def waiting_readers() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name in {"read-ahead", "ask-source"}]


@pytest.mark.parametrize("from_bytes", [0, BLOCK_BYTES], ids=["probe", "stream"])
def test_a_place_that_answers_no_more_does_not_hold_the_process(
    bench: Bench, api: Simulator, dead_place: Callable[[int], None], from_bytes: int
) -> None:
    bench.media.write_bytes(wav(bench.name.encode().ljust(100) + bytes(3 * BLOCK_BYTES)))
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)
    bench.have(settings=replace(bench.services.settings, connect_timeout_s=0.2, read_timeout_s=0.2))
    dead_place(from_bytes)

    assert bench.run(Step.UPLOAD_MEDIA) == Again(2.0, "media_unavailable")

    assert call_in(api, bench.name)["media"] is None
    assert bench.gate() is None
