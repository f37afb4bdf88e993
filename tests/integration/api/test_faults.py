"""A ledger that is lost, frozen or full, and a backlog that is: told as such, and nothing untrue is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pipeline.api.services import COUNT_FRESH_S
from pipeline.job import Lane, job_id_of
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.apis import Answer, Api, ask, path_of, running_api
from tests.integration.api.test_batch import WRONG, hand_in, line, lines
from tests.integration.api.test_calls import recording
from tests.integration.api.test_media import parts, upload
from tests.recordings import wav
from tests.servers import Server, running_server
from tests.waiting import await_true


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def own_api(tmp_path_factory: pytest.TempPathFactory, own_server: Server) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("own")
    with running_api(folder, own_server.url, api_backlog_max="2000") as api:
        yield api


@pytest.fixture(autouse=True)
def _ledger_is_there(own_server: Server, own_api: Api) -> Iterator[None]:
    """Whatever a test did to the server: the next one finds it up, and empty."""
    own_server.client.flushall()
    yield
    own_server.thaw()
    if own_server.process.poll() is not None:
        own_server.start()
    own_server.client.config_set("maxmemory", "0")


OPERATIONS = (
    ("POST", "/calls"),
    ("GET", path_of("x")),
    ("POST", path_of("x", "cancel")),
    ("POST", path_of("x", "retry")),
    ("GET", "/batches"),
    ("GET", "/batches/x"),
    ("GET", "/limits"),
    ("GET", "/readyz"),
)


def test_with_its_ledger_gone_everything_is_503_and_the_process_lives(
    own_api: Api, own_server: Server
) -> None:
    own_server.kill()

    for method, path in OPERATIONS:
        answer = own_api.ask(method, path, recording("x") if path == "/calls" else None)
        assert (answer.status, answer.code) == (503, "ledger_unreachable"), path
        assert int(answer.headers["retry-after"]) >= 1
    batch = hand_in(own_api, line("x"), batch="live")
    assert (batch.status, batch.code) == (503, "ledger_unreachable")
    assert own_api.ask("GET", "/healthz").status == 200

    own_server.start()
    assert own_api.hand_in(recording("x")).status == 202


def test_without_a_place_for_them_forms_are_refused(own_api: Api) -> None:
    assert upload(own_api, parts("x", wav(b"x"))).code == "uploads_not_configured"


def test_a_ledger_that_is_killed_in_the_middle_has_all_that_was_accepted(
    own_api: Api, own_server: Server
) -> None:
    """Four producers hand in what is half the same, and repeat what had no answer; it is killed twice."""
    accepted: dict[str, int] = {}
    refused: list[int] = []
    # It falls before anybody goes on.
    halfway = threading.Barrier(5, action=own_server.kill)

    def produce(number: int) -> None:
        connection = own_api.connect()
        for turn in range(60):
            if turn in {20, 40}:
                halfway.wait()
            name = f"k-{turn}" if turn % 2 else f"k-{number}-{turn}"
            while (answer := ask(connection, "POST", "/calls", recording(name))).status == 503:
                refused.append(answer.status)
                time.sleep(0.02)
            assert answer.status in {200, 202}, answer.content
            accepted[name] = accepted.get(name, 0) + (answer.status == 202)
        connection.close()

    threads = [threading.Thread(target=produce, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        halfway.wait()
        await_true(lambda: refused, "somebody is refused")
        own_server.start()
        refused.clear()
    for thread in threads:
        thread.join()

    store = Store(own_server.url, "gong-ingest")
    ledger = Ledger(store, lease_ttl_s=30, attempts_max=3)
    assert len(accepted) == 30 + 4 * 30
    assert None not in ledger.states([job_id_of(name) for name in accepted])
    assert ledger.counts("live").total == len(accepted)
    # One that was new and whose answer was lost is known when it is asked again: never new twice.
    assert max(accepted.values()) == 1
    store.close()


def test_a_batch_in_whose_middle_the_ledger_is_lost_says_how_far_it_came(
    own_api: Api, own_server: Server
) -> None:
    killed = threading.Event()

    def body() -> Iterator[bytes]:
        for number, each in enumerate(lines(1500, "m")):
            if number == 900:
                await_true(
                    lambda: own_server.client.hget("gong-ingest:batch:live", "pending"), "some are written"
                )
                own_server.kill()
                killed.set()
            yield each

    connection = own_api.connect()
    headers = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/calls:batch", body(), headers, encode_chunked=True)
    response = connection.getresponse()
    answer = Answer(response.status, {}, response.read())
    connection.close()

    assert killed.is_set()
    *told, last = answer.lines
    assert (last["result"], last["code"], last["line"]) == ("stopped", "ledger_unreachable", None)
    assert {each["result"] for each in told} == {"new"}
    own_server.start()
    again = hand_in(own_api, b"".join(lines(1500, "m")), batch="live").lines
    assert [each["result"] for each in again[: len(told)]] == ["known"] * len(told)
    assert {each["result"] for each in again[len(told) :]} <= {"new", "known"}


def test_a_frozen_ledger_is_given_up_in_time(own_api: Api, own_server: Server) -> None:
    own_api.hand_in(recording("before"))
    own_server.freeze()
    began = time.monotonic()

    answer = own_api.hand_in(recording("frozen"))

    assert (answer.status, answer.code) == (503, "ledger_unreachable")
    assert time.monotonic() - began < 30
    assert own_api.ask("GET", "/healthz").status == 200


def test_a_ledger_without_room_refuses_and_nothing_is_said_to_be_written(
    own_api: Api, own_server: Server
) -> None:
    own_server.client.config_set("maxmemory", "1")

    answer = own_api.hand_in(recording("full"))

    assert (answer.status, answer.code) == (503, "ledger_unreachable")
    assert "memory is full" in own_api.told()
    assert own_server.url.removeprefix("unix://") not in answer.content.decode()
    own_server.client.config_set("maxmemory", "0")
    assert own_api.ask("GET", path_of("full")).status == 404


def test_a_lane_that_is_full_takes_no_more_and_the_other_does(own_api: Api, own_server: Server) -> None:
    filled = hand_in(own_api, b"".join(lines(2000, "fill")), batch="live")
    assert len(filled.lines) == 2000

    let_counts_age()
    answer = own_api.hand_in(recording("more"))

    assert (answer.status, answer.code) == (429, "backlog_full")
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
    assert hand_in(own_api, line("more"), batch="live").code == "backlog_full"
    assert own_api.hand_in(recording("other"), query="?lane=backfill").status == 202
    store = Store(own_server.url, "gong-ingest")
    ledger = Ledger(store, lease_ttl_s=30, attempts_max=3)
    assert ledger.backlog(Lane.LIVE) < 2200
    ledger.claim([Lane.LIVE], window=500)
    store.close()
    let_counts_age()
    assert own_api.hand_in(recording("later")).status == 202


def let_counts_age() -> None:
    """Wait until each process asks anew how many wait, whichever of them the next request comes to."""
    threading.Event().wait(COUNT_FRESH_S + 0.2)


def test_a_batch_that_fills_its_lane_is_stopped_where_it_is_full(own_api: Api, own_server: Server) -> None:
    def slowly() -> Iterator[bytes]:
        yield from lines(4000, "over")
        let_counts_age()
        # More than any buffers on the way hold, and for longer than a refused client is listened to.
        yield from [WRONG] * 5_000
        let_counts_age()
        yield from [WRONG] * 5_000

    # What was counted before the ledger was emptied.
    let_counts_age()
    connection = own_api.connect()
    headers = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/calls:batch", slowly(), headers, encode_chunked=True)
    answer = Answer(200, {}, connection.getresponse().read())
    connection.close()

    *told, last = answer.lines
    assert (last["result"], last["code"]) == ("stopped", "backlog_full")
    written = sum(each["result"] == "new" for each in told)
    assert 2000 <= written <= 4000
    assert own_server.client.hget("gong-ingest:batch:live", "pending") == str(written)
