"""Many recordings in one request: answered line by line, whatever is wrong with some, in bounded memory."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import Ledger
from tests.apis import Answer, Api
from tests.recordings import make_call
from tests.waiting import await_true

LINES = "application/x-ndjson"
MANY = 12_000
# Half of the threads of both processes; how many of them are taken depends on who takes which client.
PLACES, CLIENTS = 2 * 16 // 2, 40
# A line that is long, and so is its answer: together they are more than any buffers on the way hold.
WRONG = b'{"call": {"parties": [%s{}], "customData": "%s"}, "media": "a.wav"}\n' % (
    b'{"x": 1}, ' * 4,
    b"x" * 1500,
)


def line(name: str, **overrides: Any) -> bytes:
    return json.dumps({"call": make_call(name, **overrides), "media": "a.wav"}).encode() + b"\n"


def hand_in(api: Api, body: bytes, *, batch: str, **headers: str) -> Answer:
    return api.ask("POST", f"/calls:batch?batch={batch}", body, **({"Content_Type": LINES} | headers))


def test_each_line_is_answered_in_order(api: Api, ledger: Ledger) -> None:
    body = b"".join(
        [
            line("b1"),
            b"\n",
            line("b1"),
            line("b1", title="other"),
            b"{\n",
            line("b2", direction="in"),
            line("b3"),
        ]
    )

    answer = hand_in(api, body.rstrip(), batch="lines")

    assert (answer.status, answer.headers["content-type"]) == (200, LINES)
    assert [(each["line"], each["result"], each.get("code")) for each in answer.lines] == [
        (1, "new", None),
        (3, "known", None),
        (4, "refused", "conflict"),
        (5, "refused", "row_malformed"),
        (6, "refused", "call_invalid"),
        (7, "new", None),
    ]
    assert answer.lines[4]["problems"][0]["field"] == "direction"
    assert ledger.counts("lines").total == 2


def test_nothing_at_all_is_answered_with_nothing(api: Api) -> None:
    assert hand_in(api, b"", batch="none").content == b""


def test_a_line_that_is_too_long_is_refused_and_the_others_are_not(api: Api) -> None:
    body = line("l1") + b" " * (3 << 20) + b"\n" + line("l2")

    answer = hand_in(api, body, batch="long")

    assert [each["result"] for each in answer.lines] == ["new", "refused", "new"]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_another_type_is_refused(api: Api, kind: str) -> None:
    refused = hand_in(api, line("x"), batch="type", Content_Type=kind)

    assert (refused.status, refused.code) == (415, "media_type_unknown")


def lines(count: int, prefix: str) -> Iterator[bytes]:
    for number in range(count):
        yield line(f"{prefix}-{number}")


def test_a_client_that_reads_nothing_before_it_has_sent_all_is_answered_all(
    lone_api: Api, ledger: Ledger
) -> None:
    """As most clients do: a server that waits for them to read would wait for ever."""
    body = [line(f"half-{number}") if number % 10 == 0 else WRONG for number in range(MANY)]
    warm(lone_api)
    memory_before = resident_bytes(lone_api)
    connection = lone_api.connect()
    connection.sock = socket.socket()
    # Together with what the server's side takes, less than the answers.
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    connection.sock.settimeout(60)
    connection.sock.connect(lone_api.place)
    headers = {"Content-Type": LINES, "Transfer-Encoding": "chunked"}
    connection.request("POST", "/calls:batch?batch=half", iter(body), headers, encode_chunked=True)
    content = connection.getresponse().read()
    connection.close()

    answers = [json.loads(each) for each in content.splitlines()]
    assert len(content) > 8 << 20
    assert [each["line"] for each in answers] == list(range(1, MANY + 1))
    assert {each["result"] for each in answers[1::10]} == {"refused"}
    assert {each["result"] for each in answers[::10]} == {"new"}
    assert ledger.counts("half").total == MANY // 10
    assert resident_bytes(lone_api) - memory_before < 16 << 20


def warm(api: Api) -> None:
    """Let the process have what it needs once; one of several might be asked by nobody here."""
    body = b"".join(lines(100, "warm"))
    threads = [
        threading.Thread(target=hand_in, args=(api, body), kwargs={"batch": "warm"}) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def resident_bytes(api: Api) -> int:
    """Give the memory of all processes of the server."""
    statms = (Path(f"/proc/{pid}/statm").read_text("ascii") for pid in pids_of(api))
    return sum(int(statm.split()[1]) * 4096 for statm in statms)


def pids_of(api: Api) -> list[int]:
    """Give the server's processes: those of which the command is the parent, and theirs."""
    found, ahead = [], [api.process.pid]
    while ahead:
        pid = ahead.pop()
        # One that has ended meanwhile has no others.
        with suppress(FileNotFoundError, ProcessLookupError):
            children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            found += children
            ahead += children
    return found


def test_answers_come_while_the_client_is_still_sending(api: Api) -> None:
    with socket.create_connection(api.place, timeout=20) as client:
        head = (
            f"POST /calls:batch?batch=while HTTP/1.1\r\nHost: {api.place[0]}\r\nContent-Type: {LINES}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        client.sendall(head.encode())
        # So much that the server has whole lines, whatever pieces it reads.
        for each in lines(20, "while"):
            client.sendall(b"%x\r\n%s\r\n" % (len(each), each))
        seen = b""
        while b'"line": 2,' not in seen:
            seen += client.recv(65536)
        client.sendall(b"0\r\n\r\n")
        while b"\r\n0\r\n\r\n" not in seen:
            more = client.recv(65536)
            assert more, seen
            seen += more
    assert seen.count(b'"result": "new"') == 20


def test_a_client_that_breaks_off_has_what_it_was_answered_and_no_half_line(api: Api, ledger: Ledger) -> None:
    whole = b"".join(lines(300, "broken"))
    with socket.create_connection(api.place, timeout=20) as client:
        head = (
            f"POST /calls:batch?batch=broken HTTP/1.1\r\nHost: {api.place[0]}\r\nContent-Type: {LINES}\r\n"
            f"Content-Length: {len(whole)}\r\n\r\n"
        )
        client.sendall(head.encode() + whole[: len(whole) // 2])
        client.shutdown(socket.SHUT_WR)
        seen = b""
        while more := client.recv(65536):
            seen += more

    assert b'"result": "stopped", "code": "cut_off"' in seen
    written = ledger.counts("broken").total
    assert seen.count(b'"result": "new"') == written
    assert 0 < written < 300


def test_many_batches_leave_threads_for_what_is_short(api: Api) -> None:
    """Half of the threads are for uploads and batches; whoever comes then is told to come again."""
    head = (
        f"POST /calls:batch?batch=busy HTTP/1.1\r\nHost: {api.place[0]}\r\nContent-Type: {LINES}\r\n"
        "Content-Length: 1000000\r\n\r\n"
    )
    statuses = []
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(api.place, 20)) for _ in range(CLIENTS)]
        for client in clients:
            client.sendall(head.encode())
        await_true(lambda: len(answered(clients)) >= CLIENTS - PLACES, "others than these are refused")
        assert api.ask("GET", "/readyz").status == 200
        statuses = [client.recv(12) for client in answered(clients)]
    assert set(statuses) == {b"HTTP/1.1 429"}
    await_true(lambda: hand_in(api, line("after"), batch="busy").status == 200, "there is room again")


def answered(clients: list[socket.socket]) -> list[socket.socket]:
    """Give those that have an answer to read."""
    return select.select(clients, [], [], 0)[0]


def test_batches_side_by_side_are_one_each(api: Api, ledger: Ledger) -> None:
    """The same thousand recordings from four clients at once: each is new once."""
    answers: list[Answer] = []
    body = b"".join(lines(1000, "side"))
    threads = [
        threading.Thread(target=lambda: answers.append(hand_in(api, body, batch="side"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    results = [each["result"] for answer in answers for each in answer.lines]
    assert (results.count("new"), results.count("known")) == (1000, 3000)
    assert ledger.counts("side").total == 1000
