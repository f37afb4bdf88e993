"""Answers that come while the upload is still being sent: final, interim, and too good to be true."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pipeline.gong.multipart import BLOCK_BYTES
from tests.integration.gong.servers import CERTIFICATE, Connection, make_client, serving
from tests.integration.gong.uploads import CREATED, Stream, upload


def refuse_early(act: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """Answer 413 as soon as the head is there, then `act`; further connections are served well."""

    def handle(connection: Connection) -> None:
        if connection.number > 1:
            return CREATED(connection)
        connection.read_head()
        connection.answer(413, {"requestId": "r", "errors": ["too large"]})
        return act(connection)

    return handle


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("reads_on", [True, False])
def test_an_early_answer_is_read_and_its_connection_not_used_again(
    tls: bool, reads_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    over = threading.Event()

    def act(connection: Connection) -> None:
        if reads_on:
            connection.await_close()
        else:
            over.wait(10)

    told: list[int] = []
    with serving(refuse_early(act), tls=tls) as server, make_client(server.url) as client:
        answer = upload(client, Stream(b"x" * 200 * BLOCK_BYTES), on_bytes=told.append)
        again = upload(client, Stream(b"y"))
        over.set()

    assert (answer.status, answer.request_id, answer.messages) == (413, "r", ("too large",))
    assert not told or told[-1] < 200 * BLOCK_BYTES
    assert again.call_id == "42"
    assert len(server.connections) == 2


@pytest.mark.parametrize("tls", [False, True])
def test_an_early_answer_is_read_though_the_server_closes_at_once(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    with serving(refuse_early(Connection.close), tls=tls) as server, make_client(server.url) as client:
        answer = upload(client, Stream(b"x" * 50 * BLOCK_BYTES))

    assert (answer.status, answer.messages) == (413, ("too large",))


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "interim",
    [
        [b"HTTP/1.1 100 Continue\r\n\r\n"],
        [b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"],
        [b"H", b"TTP/1.1 1", b"00 Continue\r\nA: b\r\n\r", b"\n"],
    ],
    ids=["one", "two", "in pieces"],
)
def test_an_interim_answer_does_not_break_the_upload_off(
    interim: list[bytes], tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))

    def handle(connection: Connection) -> None:
        while (request := connection.read_head()).line:
            for piece in interim:
                connection.sock.sendall(piece)
                connection.read_some(BLOCK_BYTES)
            connection.read_body(request)
            connection.answer(201, {"callId": "42"})

    with serving(handle, tls=tls) as server, make_client(server.url) as client:
        answers = [upload(client, Stream(b"x" * 30 * BLOCK_BYTES)) for _ in range(2)]

    assert [(answer.status, answer.call_id, answer.complete) for answer in answers] == [(201, "42", True)] * 2
    assert [request.whole for request in server.requests] == [True, True]
    assert len(server.connections) == 1


def test_a_success_before_the_upload_is_out_is_not_believed() -> None:
    def handle(connection: Connection) -> None:
        connection.read_head()
        connection.answer(201, {"callId": "42"})
        connection.await_close()

    with serving(handle) as server, make_client(server.url) as client:
        answer = upload(client, Stream(b"x" * 50 * BLOCK_BYTES))

    assert (answer.status, answer.complete) == (201, False)
    assert not server.requests[0].whole
