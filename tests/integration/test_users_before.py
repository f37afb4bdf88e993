"""Users looked up before anything is handed in: on a real server, with the simulator for the API."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from pipeline.cli.preflight.users import Users, look_at_users
from pipeline.limiter import Limiter
from pipeline.people import Named, Standing, Surveyed
from pipeline.preflight import NamedUsers
from pipeline.settings import Settings
from pipeline.store import Store
from tests.simulators import Simulator, running_simulator

FIRST_ID = 5_000_000_000_000_000_000
GOOD = Named("alias.3@simulated-company.com", hosts=True)
NOT_ENABLED = Named(str(FIRST_ID + 10), hosts=True)
INACTIVE = Named("user.25@simulated-company.com", hosts=True)
UNKNOWN = Named("jane@harbor-pine.com", hosts=False)
PARTY_ONLY = Named(str(FIRST_ID + 20), hosts=False)
NAMED = NamedUsers(Counter({GOOD: 9, NOT_ENABLED: 2, INACTIVE: 5, UNKNOWN: 3, PARTY_ONLY: 1}))
REFUSED = [
    Surveyed(INACTIVE.user, Standing.INACTIVE, 5),
    Surveyed(UNKNOWN.user, Standing.UNKNOWN, 3),
    Surveyed(NOT_ENABLED.user, Standing.NOT_ENABLED, 2),
]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator(users=250, requests_per_second=200) as running:
        yield running


def settings_for(store_url: str, namespace: str, url: str | None, **overrides: Any) -> Settings:
    return Settings(
        **{
            "base_url": url,
            "access_key": "demo-key",
            "access_key_secret": "demo-secret",
            "redis_url": store_url,
            "namespace": namespace,
            "requests_per_second": 100,
        }
        | overrides
    )


def look(settings: Settings, named: NamedUsers = NAMED, *, wanted: bool = True) -> Users:
    return look_at_users(named, settings, None, Console(file=io.StringIO()), wanted=wanted)


def test_who_cannot_have_recordings_is_found_and_the_list_is_kept(
    server_url: str, namespace: str, simulator: Simulator
) -> None:
    settings = settings_for(server_url, namespace, simulator.url)

    first, again = look(settings), look(settings)

    assert first == again == Users(looked_at=True, named=5, refused=REFUSED)
    assert first.standings() == {"user_inactive": 1, "user_unknown": 1, "primary_user_not_enabled": 1}
    # A page has a hundred.
    assert simulator.record()["totals"] == {"users": {"200": 3}}


def test_where_nobody_is_named_or_it_is_not_wished_nobody_is_asked(
    server_url: str, namespace: str, simulator: Simulator
) -> None:
    settings = settings_for(server_url, namespace, simulator.url)

    assert look(settings, NamedUsers()) == Users(looked_at=True)
    assert look(settings, wanted=False) == Users(named=5)

    assert simulator.record()["totals"] == {}


def test_a_key_that_may_not_read_the_list_is_told_and_closes_no_gate(
    server_url: str,
    namespace: str,
    simulator: Simulator,
    store: Store,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = settings_for(server_url, namespace, simulator.url, access_key_secret="another")

    found = look(settings)

    assert not found.looked_at
    assert "(403)" in found.obstacle
    assert "api:users:read" in found.obstacle
    assert Limiter.from_settings(settings, store).gate() is None
    assert capsys.readouterr().err == ""


def test_behind_a_closed_gate_nobody_waits(
    server_url: str, namespace: str, simulator: Simulator, store: Store
) -> None:
    settings = settings_for(server_url, namespace, simulator.url)
    Limiter.from_settings(settings, store).close_by_hand("lunch")

    found = look(settings)

    assert found.obstacle.startswith("Nothing is sent at the moment: gate closed since ")
    assert found.obstacle.endswith("by_hand: lunch")
    assert simulator.record()["totals"] == {}


def test_an_api_that_fails_is_told(
    server_url: str, namespace: str, simulator: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.set_faults({"users.500": 1.0})

    assert "(500)" in look(settings_for(server_url, namespace, simulator.url)).obstacle
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"base_url": "http://127.0.0.1:1"}, "No connection to 127.0.0.1:1"),
        ({"base_url": None}, "Not set: GONG_BASE_URL"),
        ({"access_key": None, "access_key_secret": None}, "Not set: GONG_ACCESS_KEY"),
        ({"redis_url": "redis://127.0.0.1:1/0"}, "127.0.0.1:1"),
    ],
    ids=str,
)
def test_what_is_missing_is_told(
    overrides: dict[str, Any], says: str, server_url: str, namespace: str
) -> None:
    found = look(settings_for(server_url, namespace, "http://127.0.0.1:2", **overrides))

    assert (found.looked_at, found.named) == (False, 5)
    assert says in found.obstacle
    assert found.obstacle.endswith(".")
