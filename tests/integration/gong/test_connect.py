"""The connection that is opened ahead, and the kept ones that must not be used any more."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import NotConnected

import pytest

from pipeline.errors import RequestFailed
from pipeline.gong import connection as connection_module
from pipeline.gong.exchange import Exchange
from tests.integration.gong.servers import CERTIFICATE, Connection, Handler, always, make_client, serving


def greeting(greet: bytes = b"") -> Handler:
    """Answer one request on each connection, saying which connection it is, then close it."""

    def handle(connection: Connection) -> None:
        connection.sock.sendall(greet)
        if connection.read_request().line:
            connection.answer(200, {"callId": str(connection.number)})

    return handle


@pytest.mark.parametrize("tls", [False, True])
def test_the_request_goes_out_on_the_connection_opened_before(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    greeted = threading.Event()

    def handle(connection: Connection) -> None:
        greeted.set()  # after the handshake, so the session tickets of TLS 1.3 lie unread at the client
        always(200, {"callId": "1"})(connection)

    with serving(handle, tls=tls) as server, make_client(server.url) as client:
        client.connect()
        assert greeted.wait(10)
        client.connect()
        client.create_call("{}")
        client.connect()
        client.create_call("{}")

    assert len(server.connections) == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_that_the_server_closed_meanwhile_is_replaced(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    with serving(greeting(), tls=tls) as server, make_client(server.url) as client:
        first = client.create_call("{}")
        server.await_done()
        client.connect()
        second = client.create_call("{}")
        server.await_done()
        third = client.create_call("{}")

    assert [answer.call_id for answer in (first, second, third)] == ["1", "2", "3"]
    assert len(server.requests) == 3


def test_a_connection_on_which_something_came_unasked_is_replaced() -> None:
    spoken = threading.Event()

    def handle(connection: Connection) -> None:
        if connection.number == 1:
            connection.answer(408, {"errors": ["nobody asked"]})
            spoken.set()
            connection.await_close()
        always(200, {"callId": "2"})(connection)

    with serving(handle) as server, make_client(server.url) as client:
        client.connect()
        assert spoken.wait(10)
        assert client.create_call("{}").call_id == "2"


def test_a_connection_that_lay_idle_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(200, {})) as server, make_client(server.url) as client:
        client.create_call("{}")
        monkeypatch.setattr(connection_module, "IDLE_MAX_S", 0.0)
        client.create_call("{}")

    assert len(server.connections) == 2


def test_a_connection_from_before_a_fork_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(200, {})) as server, make_client(server.url) as client:
        client.create_call("{}")
        parent = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: parent + 1)
        client.create_call("{}")

    assert len(server.connections) == 2


def test_a_close_seen_before_the_first_byte_means_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The server may close between the look at the pooled connection and the request: pretend it looked well.
    with serving(greeting()) as server, make_client(server.url) as client:
        client.create_call("{}")
        server.await_done()
        monkeypatch.setattr(connection_module._WatchedConnection, "is_connected", True)
        with pytest.raises(RequestFailed) as failure:
            client.create_call("{}")

    assert (failure.value.code, failure.value.sent) == ("connect_failed", False)
    assert len(server.requests) == 1


def cut_off(connection: connection_module._WatchedConnection) -> Iterator[bytes]:
    connection.close()
    yield b"the rest"


def test_a_connection_closed_in_the_middle_of_a_request_is_not_opened_anew() -> None:
    # http.client would: the rest of the body would begin a request of its own.
    with serving(Connection.await_close) as server:
        connection = connection_module._WatchedConnection("127.0.0.1", server.port)
        with Exchange(connect_s=10, stall_s=10, answer_s=10, deadline_s=10).current():
            connection.connect()
            with pytest.raises(NotConnected):
                connection.ask("PUT", "/v2/calls/42/media", {"Content-Length": "8"}, cut_off(connection))
        server.await_done()

    assert len(server.connections) == 1


def test_connecting_to_nobody_fails_and_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with make_client(f"http://127.0.0.1:{port}") as client, pytest.raises(RequestFailed) as failure:
        client.connect()

    assert (failure.value.code, failure.value.sent) == ("connect_failed", False)


def test_connecting_to_a_stranger_is_tls_failed() -> None:
    with (
        serving(always(), tls=True) as server,
        make_client(server.url) as client,
        pytest.raises(RequestFailed) as failure,
    ):
        client.connect()

    assert (failure.value.code, failure.value.sent) == ("tls_failed", False)


def tunnel_to(port: int) -> Handler:
    """Be a proxy that takes CONNECT and carries bytes both ways."""

    def handle(connection: Connection) -> None:
        if connection.read_head().line:
            with socket.create_connection(("127.0.0.1", port)) as target:
                connection.sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=carry, args=(target, connection.sock), daemon=True)
                back.start()
                carry(connection.sock, target)
                back.join(10)

    return handle


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)


def test_without_tls_a_proxy_is_asked_for_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(200, {"callId": "1"})) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pass@127.0.0.1:{proxy.port}")
        with make_client("http://api.example.com:8080/gong/") as client:
            answers = [client.create_call("{}"), client.create_call("{}")]

    assert [answer.call_id for answer in answers] == ["1", "1"]
    assert [request.line for request in proxy.requests] == [
        "POST http://api.example.com:8080/gong/v2/calls HTTP/1.1"
    ] * 2
    assert {request.headers["host"] for request in proxy.requests} == {"api.example.com:8080"}
    assert all(request.headers["proxy-authorization"].startswith("Basic ") for request in proxy.requests)
    assert len(proxy.connections) == 1


def test_a_client_that_was_closed_connects_anew() -> None:
    with serving(always(200, {"callId": "1"})) as server, make_client(server.url) as client:
        client.create_call("{}")
        client.close()
        assert client.create_call("{}").call_id == "1"

    assert len(server.connections) == 2


def test_a_proxy_from_the_environment_is_used_for_connecting_and_asking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    with serving(always(200, {"callId": "1"}), tls=True) as server, serving(tunnel_to(server.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://us%65r:pass@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        with make_client(server.url) as client:
            client.connect()
            client.connect()
            assert client.create_call("{}").call_id == "1"

    assert [request.line for request in proxy.requests] == [f"CONNECT 127.0.0.1:{server.port} HTTP/1.0"]
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
    assert "proxy-authorization" not in server.requests[0].headers
    assert "authorization" not in proxy.requests[0].headers


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(always(200, {"callId": "1"})) as server, make_client(server.url) as client:
        client.connect()
        assert client.create_call("{}").call_id == "1"


@pytest.mark.parametrize("ahead", [False, True])
def test_a_proxy_that_refuses_is_connect_failed_and_nothing_was_sent(
    ahead: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(connection: Connection) -> None:
        connection.read_head()
        connection.answer(407, b"")

    with serving(handle) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hidden@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        with make_client("https://api.invalid") as client, pytest.raises(RequestFailed) as failure:
            client.connect() if ahead else client.create_call("{}")

    assert (failure.value.code, failure.value.sent) == ("connect_failed", False)
    assert "407" in str(failure.value)
    assert "hidden" not in str(failure.value)


@pytest.mark.parametrize("ahead", [False, True])
def test_a_proxy_that_speaks_another_language_is_connect_failed(
    ahead: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(connection: Connection) -> None:
        connection.read_head()
        connection.sock.sendall(b"SSH-2.0-x\r\n\r\n")

    with serving(handle) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        with make_client("https://api.invalid") as client, pytest.raises(RequestFailed) as failure:
            client.connect() if ahead else client.create_call("{}")

    assert (failure.value.code, failure.value.sent) == ("connect_failed", False)


def test_a_socks_proxy_is_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    with make_client("https://api.invalid") as client, pytest.raises(RequestFailed) as failure:
        client.create_call("{}")

    assert not failure.value.sent
    assert "SOCKS" in str(failure.value)
