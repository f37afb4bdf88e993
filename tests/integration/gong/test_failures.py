"""Requests that end without an answer: which code, and whether the API may have acted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import RequestFailed
from pipeline.gong import GongClient
from tests.integration.gong.servers import (
    CERTIFICATE,
    PATIENCE_S,
    Connection,
    Handler,
    always,
    make_client,
    serving,
)
from tests.integration.gong.uploads import Stream, upload


def failure_of(request: Callable[[], object]) -> RequestFailed:
    with pytest.raises(RequestFailed) as raised:
        request()
    return raised.value


def fail(handler: Handler, **overrides: float) -> RequestFailed:
    with serving(handler) as server, make_client(server.url, **overrides) as client:
        failure = failure_of(lambda: client.create_call("{}"))
        assert len(server.requests) <= 1
        return failure


def drip(connection: Connection, block: bytes) -> None:
    """Send a block every 20 ms until the client closes: each alone is in time, all together are not."""
    pause = threading.Event()
    try:
        while not pause.wait(0.02):
            connection.sock.sendall(block)
    except OSError:
        return


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.create_call("{}"),
        lambda client: client.list_users(),
        lambda client: upload(client, Stream(b"x")),
    ],
    ids=["create", "list", "upload"],
)
def test_a_request_whose_answer_is_lost_is_not_made_again(ask: Callable[[GongClient], object]) -> None:
    def lose(connection: Connection) -> None:
        connection.read_request()

    with serving(lose) as server, make_client(server.url) as client:
        failure = failure_of(lambda: ask(client))
        assert (failure.code, failure.sent) == ("connection_lost", True)
        assert [request.whole for request in server.requests] == [True]


def test_a_closed_port_is_connect_failed_and_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with make_client(f"http://127.0.0.1:{port}") as client:
        failure = failure_of(lambda: client.create_call("{}"))

    assert (failure.code, failure.sent) == ("connect_failed", False)
    assert f"127.0.0.1:{port}" in str(failure)
    assert "refused" in str(failure)
    assert "GONG_BASE_URL" in str(failure)


@pytest.mark.parametrize("host", ["name.invalid", "a..b", "x" * 64 + ".invalid"])
def test_a_name_that_is_not_known_is_connect_failed(host: str) -> None:
    with make_client(f"http://{host}") as client:
        failure = failure_of(lambda: client.create_call("{}"))

    assert (failure.code, failure.sent) == ("connect_failed", False)


def test_a_server_that_accepts_nothing_is_connect_failed_in_time() -> None:
    # A full queue: further connections get no answer at all, as behind a firewall that drops.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        with make_client(f"http://127.0.0.1:{address[1]}", connect_timeout_s=0.2) as client:
            started = time.monotonic()
            failure = failure_of(lambda: client.create_call("{}"))
        for each in waiting:
            each.close()

    assert (failure.code, failure.sent) == ("connect_failed", False)
    assert time.monotonic() - started < PATIENCE_S


def test_a_certificate_that_nobody_vouches_for_is_tls_failed() -> None:
    with serving(always(), tls=True) as server, make_client(server.url) as client:
        failure = failure_of(lambda: client.create_call("{}"))

    assert (failure.code, failure.sent) == ("tls_failed", False)
    assert "certificate" in str(failure)
    assert server.requests == []


def test_a_server_without_tls_is_tls_failed() -> None:
    def handle(connection: Connection) -> None:
        connection.sock.recv(1000)
        connection.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(handle) as server, make_client(server.url.replace("http:", "https:")) as client:
        failure = failure_of(lambda: client.create_call("{}"))

    assert (failure.code, failure.sent) == ("tls_failed", False)


def test_a_handshake_that_stalls_is_left_and_nothing_was_sent() -> None:
    with (
        serving(Connection.await_close) as server,
        make_client(server.url.replace("http:", "https:"), connect_timeout_s=0.2) as client,
    ):
        failure = failure_of(lambda: client.create_call("{}"))

    assert not failure.sent
    assert failure.code in {"connect_failed", "tls_failed"}


def test_certificates_from_the_environment_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    with serving(always(200, {"callId": "1"}), tls=True) as server, make_client(server.url) as client:
        assert client.create_call("{}").call_id == "1"


def test_a_missing_bundle_of_certificates_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    with make_client("https://127.0.0.1:1") as client:
        failure = failure_of(lambda: client.create_call("{}"))

    assert (failure.code, failure.sent) == ("connect_failed", False)
    assert "nothing.pem" in str(failure)


def test_silence_is_timed_out_and_the_outcome_unknown() -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        connection.await_close()

    failure = fail(handle, read_timeout_s=0.2)

    assert (failure.code, failure.sent) == ("timed_out", True)


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\n"], ids=["status line", "headers"])
def test_a_head_that_drips_is_left_at_the_deadline(beginning: bytes) -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        connection.sock.sendall(beginning)
        drip(connection, b"X" if not beginning else b"X: y\r\n")

    started = time.monotonic()
    failure = fail(handle, read_timeout_s=5, request_deadline_s=1.5)

    assert (failure.code, failure.sent) == ("timed_out", True)
    assert 1.4 < time.monotonic() - started < PATIENCE_S


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_drips_is_left_at_the_deadline(chunked: bool) -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        form = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 100000"
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\n" + form + b"\r\n\r\n")
        drip(connection, b"1\r\n \r\n" if chunked else b" ")

    started = time.monotonic()
    with (
        serving(handle) as server,
        make_client(server.url, read_timeout_s=30, request_deadline_s=5) as client,
    ):
        answer = client.create_call("{}")

    assert (answer.status, answer.complete) == (200, False)
    assert 4.9 < time.monotonic() - started < PATIENCE_S


@pytest.mark.parametrize(
    "act",
    [
        lambda connection: connection.close(),
        lambda connection: connection.reset(),
        lambda connection: connection.sock.sendall(b"HTTP/1.1 2"),
        lambda connection: connection.sock.sendall(b"\x16\x03\x01 what is this?\r\n\r\n"),
        lambda connection: connection.sock.sendall(b"HTTP/1.1 999999 Odd\r\n\r\n"),
        lambda connection: connection.sock.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"),
        lambda connection: connection.sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n"),
        lambda connection: connection.sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
        ),
    ],
    ids=[
        "close",
        "reset",
        "half a line",
        "not HTTP",
        "odd status",
        "long header",
        "many headers",
        "two lengths",
    ],
)
def test_no_answer_or_garbage_is_connection_lost_and_the_outcome_unknown(act: Handler) -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        act(connection)

    failure = fail(handle)

    assert (failure.code, failure.sent) == ("connection_lost", True)


def test_after_every_failure_the_next_request_has_a_connection_of_its_own() -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        if connection.number > 1:
            connection.answer(200, {"callId": "2"})

    with serving(handle) as server, make_client(server.url) as client:
        failure_of(lambda: client.create_call("{}"))
        assert client.create_call("{}").call_id == "2"
    assert len(server.requests) == 2


def test_a_client_can_be_shared_by_threads() -> None:
    def handle(connection: Connection) -> None:
        while (request := connection.read_request()).line:
            connection.answer(200, {"callId": request.body.decode()})

    found: dict[int, list[str | None]] = {}

    def work(client: GongClient, number: int) -> None:
        found[number] = [client.create_call(f"{number}").call_id for _ in range(50)]

    with serving(handle) as server, make_client(server.url, pool_size=4) as client:
        threads = [threading.Thread(target=work, args=(client, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)

    assert found == {number: [str(number)] * 50 for number in range(4)}
