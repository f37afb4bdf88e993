"""Uploads that go on, but too slowly: given up after a window, and whose fault it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from pipeline.errors import LeaseLost, MediaUnavailable, RequestFailed
from pipeline.gong.multipart import BLOCK_BYTES
from tests.integration.gong.servers import Connection, make_client, serving
from tests.integration.gong.uploads import CREATED, Stream, upload

CONTENT = b"x" * 20 * BLOCK_BYTES
WINDOW_S = 0.4


def dripping(drips: int = 100) -> Callable[[Connection], None]:
    """Take 4 kB every 10 ms, so many times, and then all the rest at once."""

    def handle(connection: Connection) -> None:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        request = connection.read_head()
        pause = threading.Event()
        for _ in range(drips):
            pause.wait(0.01)
            connection._rest += connection.sock.recv(4096)
        connection.read_body(request)
        connection.answer(201, {"callId": "42"})

    return handle


def test_a_server_that_drips_is_left_after_a_window_though_it_is_never_silent() -> None:
    options = {"upload_bytes_per_s_min": 1e6, "upload_window_s": WINDOW_S}
    with serving(dripping()) as server, make_client(server.url, **options) as client:
        with pytest.raises(RequestFailed) as failure:
            upload(client, Stream(CONTENT))
        server.await_done()

    assert (failure.value.code, failure.value.sent) == ("timed_out", True)
    assert not server.requests[0].whole


def test_a_server_that_is_slow_but_fast_enough_is_waited_for() -> None:
    # What is acknowledged comes in lumps, and none may come for a while on a busy machine.
    options = {"upload_bytes_per_s_min": 1e3, "upload_window_s": 5.0}
    with serving(dripping(700)) as server, make_client(server.url, **options) as client:
        assert upload(client, Stream(CONTENT)).status == 201

    assert server.requests[0].whole


class DrippingStream(Stream):
    """Media that comes a little at a time."""

    def read(self, size: int, /) -> bytes:
        threading.Event().wait(0.02)
        return super().read(min(size, 1000))


def test_a_source_that_drips_is_left_and_it_is_not_the_fault_of_the_api() -> None:
    options = {"upload_bytes_per_s_min": 1e6, "upload_window_s": WINDOW_S}
    with serving(CREATED) as server, make_client(server.url, **options) as client:
        with pytest.raises(MediaUnavailable, match="where the media lies is too slow"):
            upload(client, DrippingStream(CONTENT))
        server.await_done()

    assert not server.requests[0].whole


def test_who_watches_is_asked_also_while_the_server_takes_nothing() -> None:
    over = threading.Event()

    def handle(connection: Connection) -> None:
        connection.read_head()
        over.wait(10)

    told: list[int] = []

    def on_bytes(sent: int) -> None:
        if sent in told:
            raise LeaseLost("claimed again")
        told.append(sent)

    with serving(handle) as server, make_client(server.url) as client:
        with pytest.raises(LeaseLost):
            upload(client, Stream(b"x" * 100 * BLOCK_BYTES), on_bytes=on_bytes)
        over.set()

    assert told == sorted(set(told))
