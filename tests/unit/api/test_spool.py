"""Answers wait where a client does not take them yet, and come out whole and in order."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from pipeline.api.spool import PIECE_BYTES, Spool, taker_of, without_waiting


@given(contents=st.lists(st.binary(max_size=3 * PIECE_BYTES)), takes=st.lists(st.booleans(), min_size=1))
def test_what_goes_in_comes_out(contents: list[bytes], takes: list[bool]) -> None:
    willing = iter(takes * 1000)

    assert b"".join(without_waiting(contents, lambda: next(willing, True))) == b"".join(contents)


def test_pieces_are_small_as_long_as_the_client_may_not_be_reading() -> None:
    content = bytes(10 * PIECE_BYTES)
    assert max(map(len, without_waiting([content], lambda: True))) <= PIECE_BYTES


def test_an_answer_is_given_before_the_next_one_is_asked_for() -> None:
    asked: list[int] = []

    def answers() -> Iterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield b"%d" % number

    given_out = without_waiting(answers(), lambda: True)

    assert next(given_out) == b"0"
    assert asked == [0]


def test_memory_does_not_grow_with_what_waits() -> None:
    tracemalloc.start()
    spool = Spool()
    for _ in range(64):
        spool.put(bytes(1 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(spool) == 64 << 20
    assert peak < 8 << 20
    spool.close()


def test_a_spool_that_was_emptied_takes_no_more_place() -> None:
    spool = Spool()
    for _ in range(100):
        spool.put(bytes(1 << 19))
        while spool:
            spool.take(1 << 20)
    assert spool._file.seek(0, 2) == 0
    spool.close()


def test_a_connection_takes_bytes_until_nobody_reads_them() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        takes = taker_of(ours)
        sent = 0
        while takes():
            # What is sent while it says so never waits.
            ours.settimeout(5)
            ours.sendall(bytes(PIECE_BYTES))
            sent += PIECE_BYTES
        assert sent >= PIECE_BYTES
        reader = threading.Thread(target=lambda: theirs.recv(sent, socket.MSG_WAITALL))
        reader.start()
        reader.join()
        assert takes()


def test_nobody_waits_for_a_connection_that_is_not_known() -> None:
    assert taker_of(None)()
