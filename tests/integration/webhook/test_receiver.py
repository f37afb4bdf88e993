"""One delivery: what a receiver gets, and what its answer means."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pipeline.settings.webhook import key_of
from pipeline.webhook import Receiver, Told, Verdict
from tests.hook import SECRET, Hook

KEY = key_of(SECRET) or b""
BODY = b'{"type":"recording.done"}'


def tell(url: str) -> Told:
    receiver = Receiver(url, KEY)
    try:
        return receiver.tell("gong-1-0", BODY)
    finally:
        receiver.close()


def test_a_delivery_is_genuine(hook: Hook) -> None:
    assert tell(hook.url) == Told(Verdict.DELIVERED)

    (delivery,) = hook.deliveries()
    assert delivery["is_genuine"]
    assert (delivery["id"], delivery["event"]) == ("gong-1-0", {"type": "recording.done"})


def test_one_that_was_signed_with_another_secret_is_not(hook: Hook) -> None:
    Receiver(hook.url, b"x" * 24).tell("gong-1-0", BODY)
    Receiver(hook.url, KEY, clock=lambda: time.time() - 3600).tell("gong-1-0", BODY)

    assert [each["is_genuine"] for each in hook.deliveries()] == [False, False]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.DELIVERED) for status in (200, 201, 202, 204)),
        *((status, Verdict.FAILED) for status in (408, 425, 429, 500, 502, 503, 599)),
        *((status, Verdict.REFUSED) for status in (301, 304, 400, 401, 403, 404, 410, 422)),
    ],
)
def test_what_each_answer_means(hook: Hook, status: int, verdict: Verdict) -> None:
    hook.answer(status)

    told = tell(hook.url)

    assert told.verdict is verdict
    assert told.why == ("" if verdict is Verdict.DELIVERED else f"the receiver answered {status}")


@pytest.mark.parametrize(("header", "wait_s"), [("30", 30.0), ("86400", 3600.0), ("soon", 0.0)])
def test_a_receiver_that_asks_to_wait_is_heeded_within_bounds(hook: Hook, header: str, wait_s: float) -> None:
    hook.answer(503, headers={"Retry-After": header})

    assert tell(hook.url).wait_s == wait_s


def test_no_redirect_is_followed(hook: Hook) -> None:
    hook.answer(307, headers={"Location": f"{hook.url}/elsewhere"})

    assert tell(hook.url).verdict is Verdict.REFUSED
    assert [each["path"] for each in hook.deliveries()] == ["/gong"]


def test_nothing_of_a_netrc_is_sent(hook: Hook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password word\n", "utf-8")
    monkeypatch.setenv("NETRC", str(netrc))

    tell(hook.url)

    assert hook.deliveries()[0]["authorization"] is None


def test_a_receiver_that_is_down_has_failed(hook: Hook) -> None:
    hook.end()

    told = tell(hook.url)

    assert told.verdict is Verdict.FAILED
    assert told.why == f"no answer from {hook.url.split('/')[2]}: Connection refused"


@contextmanager
def strange_server(answer: bytes, *, drips: bool = False) -> Iterator[str]:
    """Serve what is no decent answer: at once, or a byte at a time for ever."""
    ended = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), listening.accept()[0] as connection:
            connection.recv(65_536)
            if not drips:
                connection.sendall(answer)
            while drips and not ended.wait(0.05):
                connection.sendall(b"x")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 ", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n"])
def test_what_is_no_answer_is_a_failure(answer: bytes) -> None:
    with strange_server(answer) as url:
        assert tell(url).verdict is Verdict.FAILED


def test_a_receiver_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.webhook.receiver.DEADLINE_S", 0.5)
    with strange_server(b"", drips=True) as url:
        began = time.monotonic()
        assert tell(url).verdict is Verdict.FAILED
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 1000000\r\n\r\nyes",
        b"Transfer-Encoding: chunked\r\n\r\n10\r\nyes",
        b"Transfer-Encoding: chunked\r\n\r\nyes\r\n",
        b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nyes",
    ],
)
def test_an_answer_without_an_end_is_a_delivery_all_the_same(rest: bytes) -> None:
    with strange_server(b"HTTP/1.1 200 OK\r\n" + rest) as url:
        assert tell(url).verdict is Verdict.DELIVERED


def test_a_connection_is_used_again(hook: Hook) -> None:
    receiver = Receiver(hook.url, KEY)
    for number in range(3):
        receiver.tell(f"gong-{number}-0", BODY)
    receiver.close()

    assert len({tuple(each["from"]) for each in hook.deliveries()}) == 1
