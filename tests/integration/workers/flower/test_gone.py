"""Pages while the ledger's server is gone, frozen, and there again."""

from __future__ import annotations

import http.client
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.documents import texts
from tests.flowers import LOGIN, Flower, running_flower
from tests.ledgers import Filled
from tests.servers import Server, running_server
from tests.waiting import await_true

NAMESPACE = "gone"
PATHS = ["/batches", "/batch?name=calls", "/budget", "/call/0123456789abcdef01234567"]
OWN = ["/healthcheck", "/gong-ingest/static/gong-ingest.css"]


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[Server, Flower, Filled]]:
    """A server that may fall, and a Flower that watches it."""
    with running_server() as server:
        filled = Filled.on(server.url, NAMESPACE)
        filled.submit("calls", [f"pbx-{number}" for number in range(10)])
        with running_flower(server.url, NAMESPACE) as flower:
            yield server, flower, filled
        filled.close()


def test_every_page_says_that_the_server_is_gone_and_recovers(own: tuple[Server, Flower, Filled]) -> None:
    server, flower, _ = own
    server.kill()
    try:
        for path in PATHS:
            whole, part = flower.get(path), flower.get(path, live=True)
            assert (whole.status, part.status) == (503, 503), path
            assert part.text.startswith(f"The ledger's server at {server.socket} cannot be used"), path
            assert part.text in " ".join(texts(whole.text, "p", id="problem"))
            assert "Traceback" not in whole.text
        refused = flower.act(action="pause", name="calls")
        assert (refused.status, bool(refused.text)) == (503, True)
        report = flower.get("/batch/report", name="calls")
        assert report.status == 503
        assert flower.get("/call", q="pbx-1").status == 503
    finally:
        server.start()
    await_true(lambda: flower.get("/batches", live=True).status == 200, "the pages recover", within_s=20)
    assert flower.get("/batch?name=calls").status == 200


def test_a_frozen_server_does_not_freeze_flower(own: tuple[Server, Flower, Filled]) -> None:
    server, flower, _ = own
    ended: list[str] = []

    def look(path: str) -> None:
        flower.get(path)
        ended.append(path)

    server.freeze()
    try:
        slow = [threading.Thread(target=look, args=(path,)) for path in (*PATHS, "/metrics")]
        for thread in slow:
            thread.start()
        # When all of these are at it, and none has given the server up:
        threading.Event().wait(0.2)
        # Flower's own pages answer meanwhile, one after the other.
        for path in (*OWN, *OWN, OWN[0]):
            look(path)
        for thread in slow:
            thread.join()
        assert "gong_ingest_up 0.0" in flower.get("/metrics").text
    finally:
        server.thaw()
    assert "gong_ingest_up 1.0" in flower.get("/metrics").text
    assert set(ended[:5]) == set(OWN)
    assert set(ended[5:]) == {*PATHS, "/metrics"}


def test_a_report_that_cannot_be_finished_is_broken_off(own: tuple[Server, Flower, Filled]) -> None:
    server, flower, filled = own
    # More than all buffers on the way hold, so that Flower waits for its reader.
    filled.submit("long", [f"{number:05}-{'x' * 900}" for number in range(7_000)])
    connection = http.client.HTTPConnection("127.0.0.1", flower.port, timeout=60)
    connection.sock = socket.socket()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sock.connect(("127.0.0.1", flower.port))
    headers = {"Authorization": f"Basic {b64encode(LOGIN.encode()).decode()}"}
    connection.request("GET", "/batch/report?name=long&format=jsonl", headers=headers)
    response = connection.getresponse()
    assert response.read(10) == b'{"manifest'
    server.kill()
    try:
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    finally:
        connection.close()
        server.start()
    assert flower.get("/healthcheck").status == 200
