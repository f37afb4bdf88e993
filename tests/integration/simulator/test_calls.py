"""Creating calls, asking for what is there, and who may."""

from __future__ import annotations

import re

import pytest

from tests.integration.simulator.client import Client, basic, connected
from tests.simulators import Simulator, running_simulator
from tests.unit.simulator.calls import WAV, make_body

JSON = {"Content-Type": "application/json"}


def test_a_new_call_gets_an_id_and_a_second_post_names_it(client: Client) -> None:
    created = client.create(clientUniqueId="calls-1")
    assert created.status == 200
    assert re.fullmatch(r"[0-9]{18,19}", created.fields["callId"])
    assert re.fullmatch(r"[0-9a-z]{19}", created.fields["requestId"])

    again = client.create(clientUniqueId="calls-1")
    assert again.status == 400
    assert again.error.endswith(f"has already been posted for the call {created.fields['callId']}")
    assert again.fields["requestId"] != created.fields["requestId"]


def test_a_body_that_breaks_rules_is_malformed(client: Client) -> None:
    reply = client.create(clientUniqueId="calls-2", direction=None, parties=[{"emailAddress": "na"}])
    assert reply.status == 400
    assert reply.fields["errors"] == [
        "direction is required",
        "parties[0].emailAddress is not a valid email address",
    ]


def test_a_disabled_primary_user_is_a_conflict(client: Client) -> None:
    user_id = "5000000000000000010"
    reply = client.create(clientUniqueId="calls-3", primaryUser=user_id, parties=[{"userId": user_id}])
    assert reply.status == 409
    assert reply.error == f"Recording or telephony call import is not enabled for primaryUser {user_id}"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_does_not_say_it_is_json_is_unsupported(client: Client, content_type: str) -> None:
    assert client.ask("POST", "/v2/calls", make_body(), {"Content-Type": content_type}).status == 415


def test_json_with_a_charset_is_json(client: Client) -> None:
    body = make_body(clientUniqueId="calls-4")
    assert (
        client.ask("POST", "/v2/calls", body, {"Content-Type": "Application/JSON; charset=utf-8"}).status
        == 200
    )


def test_a_chunked_body_is_read(client: Client) -> None:
    pieces = iter([make_body(clientUniqueId="calls-5")[:50], make_body(clientUniqueId="calls-5")[50:]])
    assert client.ask("POST", "/v2/calls", pieces, JSON).status == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ???",
        basic("demo-key:wrong"),
        basic("demo-key"),
        basic("demo-key:demo-secret").replace("Basic", "Digest"),
        "Bearer demo-secret",
        "Bearer None",
    ],
)
def test_wrong_credentials_are_denied(client: Client, authorization: str) -> None:
    wrong = {"Authorization": authorization}
    assert client.ask("POST", "/v2/calls", make_body(), {**JSON, **wrong}).status == 401
    assert client.ask("GET", "/v2/users/1", headers=wrong).status == 401
    # Gong's own document has 403 for these two.
    assert client.ask("GET", "/v2/users", headers=wrong).status == 403
    assert client.ask("GET", "/v2/workspaces", headers=wrong).status == 403


def test_a_bearer_token_is_accepted_where_one_is_set() -> None:
    with running_simulator(access_token="tok:en") as simulator, connected(simulator) as client:
        assert client.ask("GET", "/v2/users", headers={"Authorization": "Bearer tok:en"}).status == 200
        assert client.ask("GET", "/v2/users", headers={"Authorization": "Bearer token"}).status == 403
        assert client.ask("GET", "/v2/users").status == 200


def test_other_credentials_can_be_set_and_a_duplicate_can_be_a_conflict() -> None:
    options = {"access_key": "key", "access_key_secret": "se:cret", "duplicate_status": 409}
    with running_simulator(**options) as simulator, connected(simulator) as client:
        headers = {**JSON, "Authorization": basic("key:se:cret")}
        replies = [client.ask("POST", "/v2/calls", make_body(), headers) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 409]


def test_users_are_paged_with_the_cursor_as_a_query_parameter() -> None:
    with running_simulator(users=150) as simulator, connected(simulator) as client:
        first = client.ask("GET", "/v2/users")
        second = client.ask("GET", f"/v2/users?cursor={first.fields['records']['cursor']}")
    assert [len(page.fields["users"]) for page in (first, second)] == [100, 50]
    assert "cursor" not in second.fields["records"]
    assert second.fields["users"][0]["id"] == "5000000000000000101"


def test_single_users_calls_and_workspaces_can_be_asked_for(client: Client) -> None:
    assert client.ask("GET", "/v2/users/5000000000000000001").fields["user"]["active"] is True
    assert client.ask("GET", "/v2/users/1").status == 404
    assert len(client.ask("GET", "/v2/workspaces").fields["workspaces"]) == 2
    assert client.ask("GET", "/v2/users?cursor=nonsense").status == 400


def test_a_call_is_listed_once_it_has_media(client: Client) -> None:
    query = "fromDateTime=2001-01-01T00:00:00Z&toDateTime=2001-01-02T00:00:00Z"
    call_id = client.create(clientUniqueId="calls-6", actualStart="2001-01-01T10:00:00Z").fields["callId"]
    assert client.ask("GET", f"/v2/calls/{call_id}").status == 404
    assert client.ask("GET", f"/v2/calls?{query}").status == 404
    assert client.upload(call_id, content=WAV + b"calls-6").status == 201
    assert client.ask("GET", f"/v2/calls/{call_id}").fields["call"]["clientUniqueId"] == "calls-6"
    assert [call["id"] for call in client.ask("GET", f"/v2/calls?{query}").fields["calls"]] == [call_id]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2", 404),
        ("GET", "/v3/calls", 404),
        ("POST", "/v2/calls/1/media/2", 404),
        ("PUT", "/v2/calls", 405),
        ("DELETE", "/v2/calls/1", 405),
        ("POST", "/v2/calls/1/media", 405),
        ("PATCH", "/v2/users", 405),
    ],
)
def test_what_does_not_exist_is_said_in_the_form_of_the_api(
    client: Client, method: str, path: str, status: int
) -> None:
    reply = client.ask(method, path)
    assert reply.status == status
    assert set(reply.fields) == {"requestId", "errors"}


def test_a_connection_is_kept_after_a_refusal(client: Client, simulator: Simulator) -> None:
    client.ask("GET", "/v2/workspaces")
    kept = client.connection.sock
    assert client.ask("POST", "/v2/calls", b"x" * 1_000_000, {"Content-Type": "text/plain"}).status == 415
    assert client.ask("GET", "/v2/workspaces").status == 200
    assert client.connection.sock is kept
