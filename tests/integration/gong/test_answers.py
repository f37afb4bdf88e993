"""What of an answer is kept, and that no answer is believed further than it arrived."""

from __future__ import annotations

import gzip
import json
import threading
import time
from typing import Any

import pytest

from pipeline.gong import Answer
from pipeline.gong.exchange import Exchange
from tests.integration.gong.servers import PATIENCE_S, Connection, Handler, always, make_client, serving


def ask(handler: Handler, **overrides: Any) -> Answer:
    with serving(handler) as server, make_client(server.url, **overrides) as client:
        return client.create_call("{}")


def say(raw: bytes) -> Handler:
    """Answer a request with these bytes, then close."""

    def handle(connection: Connection) -> None:
        connection.read_request()
        connection.sock.sendall(raw)

    return handle


def test_everything_that_the_api_says_is_kept() -> None:
    body = {"requestId": "4al0", "callId": "07782342274025937895", "url": "https://app/call", "new": [1]}

    answer = ask(always(201, body))

    assert answer == Answer(
        status=201,
        request_id="4al0",
        call_id="07782342274025937895",
        url="https://app/call",
        complete=True,
        body=body,
    )


def test_it_is_told_when_a_request_leaves_and_not_when_its_answer_comes() -> None:
    left: list[float] = []
    told = threading.Event()

    def handle(connection: Connection) -> None:
        connection.read_request()
        assert told.wait(PATIENCE_S)
        connection.answer(200, {"callId": "1"})

    def note(left_at: float) -> None:
        left.append(left_at)
        told.set()

    with serving(handle) as server, make_client(server.url) as client:
        client.connect()
        before = time.monotonic()
        client.create_call("{}", on_left=note)

    (left_at,) = left
    assert before <= left_at <= time.monotonic()


def test_what_is_sent_to_open_a_connection_is_not_yet_the_request() -> None:
    left: list[float] = []
    exchange = Exchange(connect_s=1, stall_s=1, answer_s=1, deadline_s=1)
    exchange.on_left = left.append

    exchange.note_sent(100)  # what asks a proxy to connect
    assert left == []
    exchange.requesting = True
    exchange.note_sent(100)
    exchange.note_sent(100)

    assert len(left) == 1


def test_errors_headers_and_request_id_are_kept() -> None:
    answer = ask(
        always(429, {"requestId": "r", "errors": ["slow", {"odd": 1}]}, Retry_After="12", Location="/x")
    )

    assert (answer.status, answer.request_id, answer.retry_after, answer.location) == (429, "r", "12", "/x")
    assert answer.messages == ("slow", '{"odd": 1}')
    assert answer.complete


@pytest.mark.parametrize(
    "call_id", [7782342274025937895, "", "12a", "1" * 21, "-1", "\uff11\uff12", None, ["1"], "1\n"], ids=repr
)
def test_only_text_of_1_to_20_digits_is_the_id_of_a_call(call_id: object) -> None:
    answer = ask(always(200, {"callId": call_id}))

    assert answer.call_id is None
    assert answer.complete


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>no</html>",
        b'["callId"]',
        b'{"callId": "12',
        b"\xff\xfe",
        b"[" * 200_000,
        b"1" * 5000,
        b"null",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_json_object_is_not_complete(body: bytes) -> None:
    answer = ask(always(200, body))

    assert answer.status == 200
    assert not answer.complete
    assert answer.call_id is None
    assert answer.body == {}


def test_the_beginning_of_a_strange_body_is_kept_for_a_person() -> None:
    page = b"<html><style>p {color: red}</style>\n<p>Bad Gateway</p>\n <p>from corp-proxy</p></html>"

    answer = ask(always(502, page + b"x" * 10_000))

    assert answer.messages[0].startswith("Bad Gateway from corp-proxy xxx")
    assert len(answer.messages[0]) == 500


def test_a_body_cut_short_of_its_length_is_not_complete() -> None:
    content = json.dumps({"callId": "123"}).encode()

    answer = ask(say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content) + 1, content)))

    assert (answer.status, answer.complete, answer.call_id) == (200, False, None)


def test_a_chunked_body_cut_before_its_last_chunk_is_not_complete() -> None:
    answer = ask(say(b'HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"errors": ["a"]}\r\n'))

    assert (answer.status, answer.complete) == (400, False)


def test_a_chunked_body_is_read_whole() -> None:
    answer = ask(
        say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b'9\r\n{"callId"\r\n6\r\n: "12"\r\n1\r\n}\r\n0\r\n\r\n'
        )
    )

    assert (answer.call_id, answer.complete) == ("12", True)


def test_a_status_is_kept_though_its_body_never_ends() -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        connection.sock.sendall(b"HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\n{")
        connection.await_close()

    answer = ask(handle, read_timeout_s=5.0)

    assert (answer.status, answer.complete) == (401, False)


@pytest.mark.parametrize("status", [200, 302])
def test_an_endless_body_is_left_after_1_mib(status: int) -> None:
    sent = 0

    def handle(connection: Connection) -> None:
        nonlocal sent
        connection.read_request()
        connection.sock.sendall(b"HTTP/1.1 %d Said\r\nLocation: /x\r\n\r\n" % status)
        try:
            while sent < 1 << 30:
                sent += connection.sock.send(b"x" * 65536)
        except OSError:
            return

    with serving(handle) as server, make_client(server.url) as client:
        answer = client.create_call("{}")
        server.await_done()

    assert (answer.status, answer.complete) == (status, False)
    assert sent < 64 << 20


def test_an_answer_that_is_too_long_is_not_believed_though_its_beginning_is_json() -> None:
    answer = ask(always(200, b'{"callId": "5"}' + b" " * (2 << 20)))

    assert (answer.status, answer.complete, answer.call_id) == (200, False, None)


def test_a_connection_is_closed_on_which_the_rest_of_an_answer_is_to_come() -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b" " * (17 << 16))
        connection.await_close()

    with serving(handle) as server, make_client(server.url) as client:
        assert not client.create_call("{}").complete
        server.await_done()


def test_a_redirect_is_answered_and_not_followed() -> None:
    with (
        serving(always(200, {"callId": "1"})) as elsewhere,
        serving(always(307, b"", Location=f"{elsewhere.url}/v2/calls")) as server,
        make_client(server.url) as client,
    ):
        answer = client.create_call("{}")

    assert (answer.status, answer.location) == (307, f"{elsewhere.url}/v2/calls")
    assert elsewhere.requests == []
    assert len(server.requests) == 1


def test_a_compressed_answer_is_not_asked_for_yet_understood() -> None:
    body = gzip.compress(b'{"callId": "5"}')
    with serving(always(200, body, Content_Encoding="gzip")) as server, make_client(server.url) as client:
        answer = client.create_call("{}")

    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert answer.call_id == "5"


def test_what_unpacks_to_too_much_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * (64 << 20) + b'{"callId": "5"}')

    answer = ask(always(200, bomb, Content_Encoding="gzip"))

    assert (answer.call_id, answer.complete) == (None, False)


def test_the_answer_after_an_interim_one_is_never_taken_for_the_next_requests() -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        connection.sock.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        connection.answer(200, {"callId": str(connection.number)})
        connection.await_close()

    with serving(handle) as server, make_client(server.url) as client:
        answers = [client.create_call("{}") for _ in range(2)]

    assert [(answer.status, answer.call_id) for answer in answers] == [(103, None), (103, None)]
    assert len(server.connections) == 2


def test_a_head_that_breaks_off_after_its_status_is_an_answer_that_is_not_complete() -> None:
    answer = ask(say(b"HTTP/1.1 200"))

    assert (answer.status, answer.complete) == (200, False)


def test_100_continue_is_skipped() -> None:
    answer = ask(
        say(
            b"HTTP/1.1 100 Continue\r\n\r\n" + b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"callId": "9"}'
        )
    )

    assert answer.call_id == "9"
