"""Reading ahead of the sender: what is bounded, when the source is looked at again, and how one is left."""

from __future__ import annotations

import hashlib
import threading
from functools import partial

import pytest

from pipeline.errors import LeaseLost, MediaRefused, MediaUnavailable
from pipeline.media import BLOCK_MAX_BYTES, MediaStream, patience
from pipeline.media.ahead import BLOCKS_AHEAD
from tests.unit.media.sources import PATIENCE_S, HeldSource, readers
from tests.waiting import await_true

pytestmark = pytest.mark.usefixtures("reads_to_an_end")

CONTENT = b"".join(bytes([number]) * BLOCK_MAX_BYTES for number in range(5)) + b"tail"
SHORT_S = 0.05


def stream_of(source: HeldSource) -> MediaStream:
    return MediaStream("call.wav", source)


def read_all(stream: MediaStream) -> bytes:
    return b"".join(iter(stream.read, b""))


def has_read(source: HeldSource, blocks: int) -> bool:
    return len(source.reads) >= blocks


def test_no_more_is_read_than_a_block_ahead_of_the_one_that_is_sent() -> None:
    source = HeldSource(CONTENT)
    with stream_of(source) as stream:
        for taken in range(1, 4):
            stream.read()
            may_be_read = taken + BLOCKS_AHEAD - 1
            await_true(partial(has_read, source, may_be_read), "it was read ahead")
            threading.Event().wait(0.01)  # time in which it could read too far

            assert len(source.reads) == may_be_read


def test_the_source_is_looked_at_only_when_all_but_the_last_block_was_taken_and_that_is_asked_for() -> None:
    source = HeldSource(CONTENT)
    with stream_of(source) as stream:
        for _ in range(5):
            assert stream.read()
        await_true(lambda: len(source.reads) == 6, "the last block was read")
        threading.Event().wait(0.02)  # time in which it could look too early

        assert source.looks == 0
        source.found = "another"
        with pytest.raises(MediaRefused, match="changed while it was read"):
            stream.read()

    assert source.looks == 1


def test_what_is_short_of_a_block_is_sent_as_it_comes() -> None:
    source = HeldSource(CONTENT, most=70_000)
    with stream_of(source) as stream:
        content = read_all(stream)

        assert content == CONTENT
        assert stream.sha256_hex == hashlib.sha256(CONTENT).hexdigest()
    assert max(source.reads) == 70_000


def test_a_source_that_gives_more_than_it_said_is_read_no_further() -> None:
    source = HeldSource(CONTENT, size_bytes=100)
    with stream_of(source) as stream:
        assert stream.read() == CONTENT[:100]
        assert stream.read() == b""

    assert source.reads == [100]


def test_a_source_that_ends_too_early_changed() -> None:
    with stream_of(HeldSource(CONTENT, size_bytes=len(CONTENT) + 1)) as stream:
        for _ in range(5):
            stream.read()
        with pytest.raises(MediaRefused) as refusal:
            read_all(stream)

    assert refusal.value.code == "media_changed"
    assert stream.count <= len(CONTENT)


@pytest.mark.parametrize("holds_at", [0, BLOCK_MAX_BYTES, len(CONTENT) - 4])
def test_a_source_that_gives_nothing_is_left_and_closes_itself_when_it_answers(holds_at: int) -> None:
    source = HeldSource(CONTENT, holds_at=holds_at)
    before = readers()
    with stream_of(source) as stream:
        for _ in range(holds_at // BLOCK_MAX_BYTES):
            assert stream.read()
        stream.be_watched(source.assert_asked, stall_s=SHORT_S)
        with pytest.raises(MediaUnavailable, match=r"gave nothing for 0\.05 s"):
            stream.read()

        assert stream.count == holds_at
    assert not source.closed.is_set()

    source.goes_on.set()

    assert source.closed.wait(PATIENCE_S)
    await_true(lambda: readers() == before, "its thread ended")


def test_a_look_that_hangs_is_left_too() -> None:
    source = HeldSource(CONTENT)
    source.on_look = source._hold
    with stream_of(source) as stream:
        for _ in range(5):
            assert stream.read()
        stream.be_watched(source.assert_asked, stall_s=SHORT_S)
        with pytest.raises(MediaUnavailable):
            stream.read()

        assert stream.count == len(CONTENT) - 4
    source.goes_on.set()
    assert source.closed.wait(PATIENCE_S)


def test_who_watches_ends_a_wait_for_the_source() -> None:
    source = HeldSource(CONTENT, holds_at=BLOCK_MAX_BYTES)

    def watch() -> None:
        raise LeaseLost("claimed again")

    with stream_of(source) as stream:
        stream.be_watched(watch, stall_s=PATIENCE_S)
        with pytest.raises(LeaseLost):
            read_all(stream)
    source.goes_on.set()
    assert source.closed.wait(PATIENCE_S)


@pytest.mark.parametrize("blocks", [0, 1, 2, 5, 6])
def test_a_stream_that_is_closed_leaves_no_thread_and_no_open_source(blocks: int) -> None:
    source = HeldSource(CONTENT)
    with stream_of(source) as stream:
        for _ in range(blocks):
            stream.read()

    assert source.closed.wait(PATIENCE_S)
    await_true(lambda: not readers(), "its thread ended")


def test_no_more_wait_for_a_dead_place_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LEFT_MAX", 3)
    held = [HeldSource(CONTENT, holds_at=0) for _ in range(3)]
    for source in held:
        with stream_of(source) as stream:
            stream.be_watched(source.assert_asked, stall_s=SHORT_S)
            with pytest.raises(MediaUnavailable, match="gave nothing"):
                stream.read()

    another = HeldSource(CONTENT)
    with stream_of(another) as stream, pytest.raises(MediaUnavailable, match="3 readings of media wait"):
        stream.read()
    assert another.closed.is_set()

    for source in held:
        source.goes_on.set()
        assert source.closed.wait(PATIENCE_S)
    await_true(lambda: not any(thread.is_alive() for thread in patience._left), "they ended")
    with stream_of(HeldSource(CONTENT)) as stream:
        assert stream.read()
