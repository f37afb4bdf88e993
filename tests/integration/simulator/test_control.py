"""Health, record and faults of a running simulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.simulator.client import Client, connected
from tests.simulators import Simulator, running_simulator
from tests.unit.simulator.calls import WAV, make_call


def test_the_record_has_everything_that_was_asked_and_answered() -> None:
    with running_simulator(requests_per_second=100) as simulator, connected(simulator) as client:
        call_id = client.create(clientUniqueId="1", title="sägen").fields["callId"]
        client.upload(call_id, content=WAV)
        client.create(clientUniqueId="1")
        asked_at = datetime.now(UTC)
        record = simulator.record()
        answered_at = datetime.now(UTC)
    assert [row[1:] for row in record["requests"]] == [
        ["POST", "/v2/calls", 200, ""],
        ["PUT", f"/v2/calls/{call_id}/media", 201, ""],
        ["POST", "/v2/calls", 400, ""],
    ]
    times_s = [row[0] for row in record["requests"]]
    assert times_s == sorted(times_s)
    assert 0 < times_s[0] < times_s[-1] < record["elapsed_s"]
    assert record["totals"] == {"create": {"200": 1, "400": 1}, "media": {"201": 1}}
    assert record["request_fields"] == ["at_s", "method", "path", "status", "note"]
    (call,) = record["calls"]
    assert call["body"] == make_call(clientUniqueId="1", title="sägen")
    assert (call["callId"], call["creates"], call["uploads"], call["repeated_creates"]) == (call_id, 1, 1, 1)
    assert times_s[1] < call["media"]["uploaded_s"] < times_s[2]
    told_at = datetime.fromisoformat(record["started_at"]) + timedelta(seconds=record["elapsed_s"])
    rounding = timedelta(seconds=0.1)
    assert asked_at - rounding <= told_at <= answered_at + rounding


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("", {"calls", "requests"}),
        ("calls=0", {"requests"}),
        ("requests=0", {"calls"}),
        ("calls=0&requests=0", set()),
    ],
)
def test_parts_of_the_record_can_be_left_out(simulator: Simulator, query: str, parts: set[str]) -> None:
    assert set(simulator.record(query)) & {"calls", "requests"} == parts


def test_a_record_of_many_slices_is_whole(simulator: Simulator, client: Client) -> None:
    before = len(simulator.record()["requests"])
    for number in range(1_101):
        client.create(clientUniqueId=f"control-{number}")
    record = simulator.record()
    assert len(record["requests"]) - before == 1_101
    assert [call["clientUniqueId"] for call in record["calls"][-1_101:]] == [
        f"control-{number}" for number in range(1_101)
    ]


def test_control_is_not_limited_not_authorized_and_not_recorded() -> None:
    with (
        running_simulator(policy="sliding", requests_per_second=0.01) as simulator,
        connected(simulator) as client,
    ):
        assert client.ask("GET", "/v2/workspaces").status == 200
        for _ in range(5):
            simulator.health()
            simulator.set_faults({})
        assert client.ask("GET", "/v2/workspaces").status == 429
        assert len(simulator.record()["requests"]) == 2
        assert simulator.health()["requests"] == 2


def test_faults_are_shown_as_they_were_set(simulator: Simulator, client: Client) -> None:
    simulator.set_faults({"create.lost": 0.25, "slow": "0.1:2-5@10-"})
    assert client.ask("GET", "/_faults").fields == {"faults": ["create.lost=0.25", "slow=0.1:2-5@10-"]}
    simulator.set_faults({})
    assert client.ask("GET", "/_faults").fields == {"faults": []}


@pytest.mark.parametrize("body", ["", "[]", '{"lost": 2}', '{"nonsense": 0.1}', "{"])
def test_faults_that_cannot_be_understood_change_nothing(
    simulator: Simulator, client: Client, body: str
) -> None:
    simulator.set_faults({"cut": 0})
    reply = client.ask("POST", "/_faults", body)
    assert reply.status == 400
    assert len(reply.fields["errors"]) == 1
    assert client.ask("GET", "/_faults").fields == {"faults": ["cut=0"]}
