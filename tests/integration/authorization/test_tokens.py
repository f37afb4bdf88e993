"""OAuth tokens that processes share: a server, and a simulator whose refresh tokens work once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.authorization import adopt_code, adopt_refresh_token, authorization_of
from pipeline.authorization.clients import token_client
from pipeline.authorization.grants import Grants
from pipeline.authorization.pair import Pair, fingerprint
from pipeline.authorization.refresh import refresh
from pipeline.authorization.shared import SharedTokens
from pipeline.errors import AccessAwaited, AccessMissing, AccessUnavailable, CredentialsRefused
from pipeline.gong import GongClient
from pipeline.ledger import Attempt, Tokens
from pipeline.settings import Settings
from pipeline.store import Store
from tests.clocks import Clock
from tests.oauth import CLIENT_ID, CLIENT_SECRET, CODE, OTHER_KEY, PATH, REFRESH_TOKEN, STORE_KEY, told
from tests.servers import Server
from tests.simulators import Simulator, running_simulator
from tests.waiting import await_true

ATTEMPT_S = 10.0
OPTIONS = {"requests_per_second": 1000, "token_lifetime_s": 60}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Processes that share tokens, as one test plays them."""

    simulator: Simulator
    settings: Settings
    store: Store

    def process(self, *, on: Path | None = None, **changes: Any) -> SharedTokens:
        """Give what a new process has, on another machine perhaps."""
        settings = replace(self.settings, data_dir=on or self.settings.data_dir, **changes)
        oauth = settings.oauth()
        assert oauth
        return SharedTokens(
            Grants.from_settings(settings, oauth, self.store),
            lambda attempt: refresh(settings, attempt, until=time.monotonic() + 5),
            attempt_s=ATTEMPT_S,
            base_url=settings.base_url,
        )

    @property
    def stored(self) -> Any:
        return Tokens(self.store).look()

    def answers(self, process: SharedTokens) -> int:
        """Give the status of a request with what a process has."""
        with GongClient.from_settings(self.settings, process) as client:
            return client.list_users().status


@pytest.fixture
def start(server: Server, store: Store, namespace: str, tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    def begin(**options: Any) -> Fleet:
        simulator = stack.enter_context(running_simulator(**(OPTIONS | options)))
        settings = Settings(
            oauth_client_id=CLIENT_ID,
            oauth_client_secret=CLIENT_SECRET,
            oauth_refresh_token=REFRESH_TOKEN,
            oauth_token_url=simulator.url + PATH,
            store_key=STORE_KEY,
            redis_url=server.url,
            namespace=namespace,
            data_dir=tmp_path / "data",
            read_timeout_s=3.0,
            connect_timeout_s=3.0,
            request_deadline_s=3.0,
        )
        return Fleet(simulator, settings, store)

    with ExitStack() as stack:
        yield begin


def test_many_processes_that_need_a_token_at_once_ask_for_one_pair(start: Callable[..., Fleet]) -> None:
    fleet = start(faults="token.slow:0.2-0.2")
    processes = [fleet.process() for _ in range(8)]

    def prepare(process: SharedTokens) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                return process.prepare()
            except AccessAwaited:
                assert time.monotonic() < deadline

    with ThreadPoolExecutor(len(processes)) as pool:
        list(pool.map(prepare, processes))

    assert len({process.header for process in processes}) == 1
    assert (told(fleet.simulator)["granted"], told(fleet.simulator)["reused"]) == (1, 0)
    assert {process.base_url for process in processes} == {fleet.simulator.url}
    assert fleet.answers(processes[0]) == 200


def test_new_tokens_are_in_the_ledger_before_they_are_used(
    start: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start().process()
    monkeypatch.setattr(Grants, "keep", lambda *_args, **_named: False)

    with pytest.raises(AccessAwaited):
        process.prepare()

    with pytest.raises(AccessMissing):
        _ = process.header


def test_an_answer_that_did_not_reach_the_ledger_is_taken_from_the_disk(
    start: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a process that died between the answer and the ledger
    fleet = start()
    with monkeypatch.context() as dying:
        dying.setattr(Tokens, "replace", lambda *_args, **_named: False)
        with pytest.raises(AccessAwaited):
            fleet.process().prepare()
    assert (fleet.stored.version, told(fleet.simulator)["granted"]) == (0, 1)
    clear_attempt(fleet)

    fleet.process().prepare()

    assert fleet.stored.version == 1
    assert (told(fleet.simulator)["granted"], told(fleet.simulator)["reused"]) == (1, 0)


def test_an_answer_on_the_disk_of_one_machine_helps_after_another_one_was_refused(
    start: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fleet = start()
    fleet.process().prepare()
    first, used = fleet.stored, told(fleet.simulator)["granted"]
    expire(fleet, first.version)
    with monkeypatch.context() as dying:
        dying.setattr(Tokens, "replace", lambda *_args, **_named: False)
        with pytest.raises(AccessAwaited):
            fleet.process().prepare()
    clear_attempt(fleet)
    with pytest.raises(AccessMissing, match="refuses the OAuth refresh token"):
        fleet.process(on=tmp_path / "another").prepare()
    assert told(fleet.simulator)["granted"] == used + 1
    clear_attempt(fleet)

    process = fleet.process()
    process.prepare()

    assert (fleet.stored.version, fleet.stored.lost) == (first.version + 1, "")


def test_a_lost_answer_is_told_with_what_to_do_and_a_new_authorization_ends_it(
    start: Callable[..., Fleet], tmp_path: Path
) -> None:
    fleet = start(faults="token.lost")
    process = fleet.process()
    with pytest.raises(AccessUnavailable, match=r"gives no OAuth tokens \(connection lost\)"):
        process.prepare()
    fleet.simulator.set_faults({})
    clear_attempt(fleet)

    with pytest.raises(AccessMissing, match=r"\(invalid_grant\).*Authorize anew: gong-ingest authorize"):
        process.prepare()
    # nobody asks again in vain
    asked = fleet.simulator.record()["totals"]["token"]
    with pytest.raises(AccessMissing, match="Authorize anew"):
        fleet.process(on=tmp_path / "another").prepare()
    assert fleet.simulator.record()["totals"]["token"] == asked

    adopt_code(fleet.settings, fleet.store, CODE, redirect_uri="https://example.com/oauth")
    process.prepare()

    assert fleet.answers(process) == 200


def test_a_new_refresh_token_in_the_settings_is_used_once_the_old_one_is_lost(
    start: Callable[..., Fleet],
) -> None:
    fleet = start(oauth_refresh_token="new-refresh-token")
    with pytest.raises(AccessMissing, match="invalid_grant"):
        fleet.process().prepare()
    clear_attempt(fleet)

    process = fleet.process(oauth_refresh_token="new-refresh-token")
    process.prepare()

    assert fleet.answers(process) == 200
    assert fleet.stored.is_seed_used is False
    assert Tokens(fleet.store).look(fingerprint("new-refresh-token")).is_seed_used


def test_a_token_that_holds_is_used_while_no_new_one_can_be_had(start: Callable[..., Fleet]) -> None:
    fleet = start(token_lifetime_s=6)
    process = fleet.process()
    process.prepare()
    fleet.simulator.set_faults({"token.500": 1})
    held = process._held
    assert held
    await_true(lambda: time.monotonic() > held.refresh_at, "it is time", within_s=10)

    process.prepare()

    assert fleet.answers(process) == 200
    await_true(lambda: not process.holds, "the token ends", within_s=10)
    clear_attempt(fleet)
    with pytest.raises(AccessUnavailable, match=r"gives no OAuth tokens \(HTTP 500\)"):
        process.prepare()


def test_a_wrong_client_secret_is_told_and_loses_nothing(start: Callable[..., Fleet]) -> None:
    fleet = start()
    with pytest.raises(
        AccessMissing, match="check GONG_OAUTH_CLIENT_ID and GONG_OAUTH_CLIENT_SECRET"
    ) as refused:
        fleet.process(oauth_client_secret="wrong-secret").prepare()
    assert "wrong-secret" not in str(refused.value)
    clear_attempt(fleet)

    fleet.process().prepare()

    assert fleet.stored.version == 1


def test_whoever_asks_is_waited_for_only_when_no_token_holds(start: Callable[..., Fleet]) -> None:
    fleet = start()
    Tokens(fleet.store).begin(Attempt("another", 0), within_s=ATTEMPT_S)

    with pytest.raises(AccessAwaited) as awaited:
        fleet.process().prepare()

    assert 0 < awaited.value.wait_s <= ATTEMPT_S
    assert told(fleet.simulator)["granted"] == 0


def test_an_attempt_of_a_process_that_died_ends_by_itself(store: Store) -> None:
    clock = Clock()
    tokens = Tokens(store, clock=clock)
    tokens.begin(Attempt("dead", 0), within_s=ATTEMPT_S)
    clock.advance(ATTEMPT_S + 0.1)

    tokens.begin(Attempt("next", 0), within_s=ATTEMPT_S)


def test_the_pair_of_a_late_attempt_replaces_none_that_is_newer(store: Store) -> None:
    tokens = Tokens(store)
    assert tokens.replace(0, "newer", lifetime_s=60)

    assert not tokens.replace(0, "late", lifetime_s=60)

    assert tokens.look().sealed == "newer"


def test_a_late_pair_ends_what_a_refusal_meanwhile_said(store: Store) -> None:
    tokens = Tokens(store)
    tokens.end(Attempt("other", 0), wait_s=1.0, lost="It is refused.")
    assert tokens.look().lost

    assert tokens.replace(0, "late", lifetime_s=60)

    assert tokens.look().lost == ""


def test_a_refused_token_is_replaced_though_its_time_was_not_over(start: Callable[..., Fleet]) -> None:
    fleet = start()
    process, other = fleet.process(), fleet.process()
    process.prepare()
    other.prepare()
    before = process.header
    assert process.refused(before) is False

    process.prepare()

    assert process.header != before
    # whoever hears of it later finds that others have been there
    assert other.refused(before) is True
    assert other.header == process.header
    assert told(fleet.simulator)["granted"] == 2


def test_the_key_is_replaced_by_putting_a_new_one_in_front(start: Callable[..., Fleet]) -> None:
    fleet = start()
    fleet.process().prepare()
    both = fleet.process(store_key=f"{OTHER_KEY},{STORE_KEY}")
    both.prepare()
    expire(fleet, 1)
    adopt_code(
        replace(fleet.settings, store_key=f"{OTHER_KEY},{STORE_KEY}"), fleet.store, CODE, redirect_uri="x://y"
    )

    fleet.process(store_key=OTHER_KEY).prepare()

    with pytest.raises(AccessMissing, match="cannot be opened with GONG_INGEST_STORE_KEY"):
        fleet.process().prepare()


def test_an_address_that_is_none_is_refused_and_the_tokens_are_kept(
    start: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = start()
    original = Pair.from_answer

    def elsewhere(cls: type[Pair], answer: Any, *, used: str) -> Pair | None:
        pair = original(answer, used=used)
        return replace(pair, base_url="http://api.example.com") if pair else None

    monkeypatch.setattr(Pair, "from_answer", classmethod(elsewhere))

    with pytest.raises(AccessMissing, match=r"http://api\.example\.com.*Set GONG_BASE_URL"):
        fleet.process().prepare()

    assert fleet.stored.version == 1
    own = fleet.process(base_url=fleet.simulator.url)
    own.prepare()
    assert fleet.answers(own) == 200


def test_an_attempt_is_carried_out_by_a_process_of_its_own(start: Callable[..., Fleet]) -> None:
    fleet = start()
    process = authorization_of(fleet.settings, fleet.store)

    process.prepare()

    assert process.base_url == fleet.simulator.url
    assert fleet.stored.version == 1
    assert (fleet.settings.data_dir / f"oauth-{fleet.settings.namespace}.sealed").stat().st_mode & 0o077 == 0


def test_a_refresh_token_is_adopted_and_used_up(start: Callable[..., Fleet]) -> None:
    fleet = start()

    adopt_refresh_token(fleet.settings, fleet.store, REFRESH_TOKEN)

    fleet.process(oauth_refresh_token=None).prepare()
    with pytest.raises(CredentialsRefused, match="invalid_grant"):
        adopt_refresh_token(fleet.settings, fleet.store, REFRESH_TOKEN)


def test_without_any_authorization_it_says_how_to_get_one(start: Callable[..., Fleet]) -> None:
    fleet = start()

    with pytest.raises(
        AccessMissing, match=r"There is no OAuth token yet\. Authorize: gong-ingest authorize"
    ):
        fleet.process(oauth_refresh_token=None).prepare()


def test_the_client_of_the_tokens_shows_neither_id_nor_secret(start: Callable[..., Fleet]) -> None:
    fleet = start()
    oauth = fleet.settings.oauth()
    assert oauth
    shown = (
        f"{oauth!r} {token_client(fleet.settings, oauth)!r} {fleet.settings!r} {fleet.process()._grants!r}"
    )
    assert CLIENT_SECRET not in shown
    assert REFRESH_TOKEN not in shown
    assert STORE_KEY not in shown


def clear_attempt(fleet: Fleet) -> None:
    """Let the time be over for which nobody asks."""
    client = fleet.store._client
    client.hdel(f"{fleet.settings.namespace}:oauth", "attempt", "attempt_ends_ms")


def expire(fleet: Fleet, version: int) -> None:
    """Let the access token of a version end now."""
    assert fleet.stored.version == version
    fleet.store._client.hset(f"{fleet.settings.namespace}:oauth", "ends_ms", "1")
