"""OAuth tokens of the simulator: they end, work once, and who uses one twice is locked out."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.integration.simulator.client import Client, Reply, basic, connected
from tests.oauth import CLIENT_ID, CLIENT_SECRET, CODE, PATH, REFRESH_TOKEN, told
from tests.simulators import Simulator, running_simulator
from tests.waiting import await_true

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator(token_lifetime_s=10, requests_per_second=1000) as running:
        yield running


def refresh(client: Client, token: str, *, by: str = f"{CLIENT_ID}:{CLIENT_SECRET}") -> Reply:
    return grant(client, {"grant_type": "refresh_token", "refresh_token": token}, by=by)


def grant(client: Client, form: dict[str, str], *, by: str = f"{CLIENT_ID}:{CLIENT_SECRET}") -> Reply:
    return client.ask("POST", PATH, urlencode(form).encode(), {**FORM, "Authorization": basic(by)})


def users(client: Client, token: object) -> int:
    return client.ask("GET", "/v2/users", headers={"Authorization": f"Bearer {token}"}).status


def test_tokens_work_once_and_until_they_end_and_a_second_use_locks_out(simulator: Simulator) -> None:
    with connected(simulator) as client:
        assert refresh(client, "none").fields["error"] == "invalid_grant"
        assert refresh(client, REFRESH_TOKEN, by=f"{CLIENT_ID}:wrong").status == 401
        first = refresh(client, REFRESH_TOKEN).fields
        assert first["api_base_url_for_customer"] == simulator.url
        assert users(client, first["access_token"]) == 200
        await_true(lambda: users(client, first["access_token"]) == 403, "it ends")

        second = refresh(client, first["refresh_token"]).fields
        assert users(client, second["access_token"]) == 200
        assert refresh(client, first["refresh_token"]).status == 400
        assert users(client, second["access_token"]) == 403
        assert refresh(client, second["refresh_token"]).status == 400
        assert told(simulator)["locked"] is True

        form = {"grant_type": "authorization_code", "code": CODE, "redirect_uri": "https://example.com"}
        anew = grant(client, form).fields
        assert users(client, anew["access_token"]) == 200


def test_a_grant_in_the_address_is_refused(simulator: Simulator) -> None:
    with connected(simulator) as client:
        query = urlencode({"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN})
        headers = {**FORM, "Authorization": basic(f"{CLIENT_ID}:{CLIENT_SECRET}")}
        assert client.ask("POST", f"{PATH}?{query}", b"", headers).status == 400
        assert client.ask("POST", PATH, b"{}", headers | {"Content-Type": "application/json"}).status == 400
        assert told(simulator)["granted"] == 0
