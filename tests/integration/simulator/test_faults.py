"""Faults as a client meets them, and what they leave behind."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import pytest

from tests.integration.simulator.client import (
    AUTHORIZATION,
    Client,
    connected,
    raw_connection,
    raw_head,
    wait_until,
)
from tests.simulators import Simulator, running_simulator
from tests.unit.simulator.calls import FORM, WAV, make_body, make_form

JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def without_faults_at_the_end(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.set_faults({})


def last_request(simulator: Simulator) -> tuple[int, str]:
    status, note = simulator.record("calls=0")["requests"][-1][3:]
    return status, note


def send_and_read(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    return connection.recv(1)


def was_created(simulator: Simulator, client_unique_id: str) -> bool:
    calls = simulator.record("requests=0")["calls"]
    return any(call["clientUniqueId"] == client_unique_id for call in calls)


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("401", 401), ("500", 500)])
def test_an_injected_refusal_has_no_effect_and_is_marked(
    client: Client, simulator: Simulator, kind: str, status: int
) -> None:
    simulator.set_faults({kind: True})
    reply = client.create(clientUniqueId=f"faults-{kind}")
    assert reply.status == status
    assert set(reply.fields) == {"requestId", "errors"}
    assert last_request(simulator) == (status, "injected")
    assert not was_created(simulator, f"faults-{kind}")


def test_an_injected_429_says_how_long_it_lasts(client: Client, simulator: Simulator) -> None:
    simulator.set_faults({"429": "@0-60"})
    assert client.create().headers["Retry-After"] == "60"


def test_missing_access_is_403_where_the_api_says_so(client: Client, simulator: Simulator) -> None:
    simulator.set_faults({"401": True})
    assert client.ask("GET", "/v2/users").status == 403


def test_a_lost_answer_was_carried_out(client: Client, simulator: Simulator) -> None:
    simulator.set_faults({"create.lost": True})
    with pytest.raises(RemoteDisconnected):
        client.create(clientUniqueId="faults-lost")
    assert last_request(simulator) == (200, "lost")
    simulator.set_faults({})
    assert "has already been posted for the call" in client.create(clientUniqueId="faults-lost").error


def test_a_lost_upload_was_carried_out(client: Client, simulator: Simulator) -> None:
    call_id = client.create(clientUniqueId="faults-lost-upload").fields["callId"]
    simulator.set_faults({"media.lost": True})
    with pytest.raises(RemoteDisconnected):
        client.upload(call_id, content=WAV + b"lost")
    simulator.set_faults({})
    assert client.upload(call_id, content=WAV + b"lost").error.endswith("has already been handled")


def test_a_gateway_that_did_not_wait_answers_in_html(client: Client, simulator: Simulator) -> None:
    simulator.set_faults({"504": True})
    client.connection.request(
        "POST", "/v2/calls", make_body(clientUniqueId="faults-504"), AUTHORIZATION | JSON
    )
    response = client.connection.getresponse()
    assert (response.status, response.headers["Content-Type"]) == (504, "text/html")
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.read())
    assert was_created(simulator, "faults-504")
    assert last_request(simulator) == (504, "injected")


def test_a_cut_answer_is_half_of_what_it_says(client: Client, simulator: Simulator) -> None:
    simulator.set_faults({"cut": True})
    client.connection.request(
        "POST", "/v2/calls", make_body(clientUniqueId="faults-cut"), AUTHORIZATION | JSON
    )
    response = client.connection.getresponse()
    assert response.status == 200
    with pytest.raises(IncompleteRead) as cut:
        response.read()
    assert len(cut.value.partial) == int(response.headers["Content-Length"]) // 2
    assert was_created(simulator, "faults-cut")
    assert last_request(simulator) == (200, "cut")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_reset_connection_had_no_effect(client: Client, simulator: Simulator, method: str) -> None:
    simulator.set_faults({"reset": True})
    with pytest.raises(ConnectionResetError):
        client.ask(method, "/v2/calls", make_body(clientUniqueId="faults-reset"), JSON)
    assert last_request(simulator) == (0, "reset")
    assert not was_created(simulator, "faults-reset")


def test_an_upload_is_reset_within_its_body(client: Client, simulator: Simulator) -> None:
    call_id = client.create(clientUniqueId="faults-reset-upload").fields["callId"]
    path = f"/v2/calls/{call_id}/media"
    body = make_form(WAV + bytes(5_000_000))
    simulator.set_faults({"media.reset": True})
    head = raw_head("PUT", path, content_type=FORM, content_length=len(body))
    # The last byte is never sent: only a reset within the body can come.
    with raw_connection(simulator) as connection, pytest.raises((ConnectionResetError, BrokenPipeError)):
        send_and_read(connection, head + body[:-1])
    assert last_request(simulator) == (0, "reset")
    simulator.set_faults({})
    assert client.upload(call_id, content=WAV + bytes(5_000_000)).status == 201


def test_a_slow_answer_comes_late_and_the_effect_early(client: Client, simulator: Simulator) -> None:
    simulator.set_faults({"create.slow": ":8-8"})
    started_s = time.monotonic()
    client.connection.request(
        "POST", "/v2/calls", make_body(clientUniqueId="faults-slow"), AUTHORIZATION | JSON
    )
    wait_until(lambda: was_created(simulator, "faults-slow"))
    created_s = time.monotonic() - started_s
    assert client.connection.getresponse().status == 200
    answered_s = time.monotonic() - started_s
    assert created_s < 8.0 <= answered_s


def test_a_client_that_does_not_wait_for_a_slow_answer_is_noted(client: Client, simulator: Simulator) -> None:
    simulator.set_faults({"create.slow": ":8-8"})
    with connected(simulator) as other:
        other.connection.request(
            "POST", "/v2/calls", make_body(clientUniqueId="faults-gone"), AUTHORIZATION | JSON
        )
        wait_until(lambda: was_created(simulator, "faults-gone"))
    wait_until(lambda: last_request(simulator) == (200, "aborted"))
    # The answer to a second request comes after the first would have been answered.
    assert client.create(clientUniqueId="faults-stayed").status == 200
    requests = simulator.record("calls=0")["requests"]
    assert [row[3:] for row in requests[-2:]] == [[200, "aborted"], [200, ""]]


def test_latency_delays_every_answer_but_not_refusals() -> None:
    with (
        running_simulator(latency="2-2.1", requests_per_second=0.02) as simulator,
        connected(simulator) as client,
    ):
        started_s = time.monotonic()
        assert client.ask("GET", "/v2/workspaces").status == 200
        answered_s = time.monotonic() - started_s
        refused_s = []
        for _ in range(3):
            began_s = time.monotonic()
            assert client.ask("GET", "/v2/workspaces").status == 429
            refused_s.append(time.monotonic() - began_s)
    assert answered_s >= 2
    assert min(refused_s) < 2


def fates_of(seed: int) -> list[str]:
    """Return what 60 creates in a row meet: a status, or the error that a client sees."""
    met = []
    options = {"faults": "lost=0.2,500=0.2,reset=0.1,cut=0.1", "seed": seed, "requests_per_second": 1_000}
    with running_simulator(**options) as simulator, connected(simulator) as client:
        for number in range(60):
            try:
                met.append(str(client.create(clientUniqueId=str(number)).status))
            except (HTTPException, ConnectionError) as error:
                met.append(type(error).__name__)
                client.connection.close()
    return met


def test_the_same_seed_makes_the_same_day() -> None:
    first = fates_of(3)
    assert set(first) == {"200", "500", "RemoteDisconnected", "ConnectionResetError", "IncompleteRead"}
    assert fates_of(3) == first
    assert fates_of(4) != first
