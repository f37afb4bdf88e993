"""OAuth tokens that processes share: a server, and a simulator whose refresh tokens work once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.authorization import adopt_code, adopt_refresh_token, authorization_of
from pipeline.authorization.asking import Nothing
from pipeline.authorization.clients import token_client
from pipeline.authorization.grants import Grants
from pipeline.authorization.pair import Pair, fingerprint
from pipeline.authorization.refresh import refresh
from pipeline.authorization.shared import HURRY_MAX_S, SharedTokens
from pipeline.errors import (
    AccessAwaited,
    AccessMissing,
    AccessUnavailable,
    CredentialsRefused,
    LedgerUnreachable,
)
from pipeline.gong import GongClient
from pipeline.ledger import Attempt, Tokens
from pipeline.settings import Settings, environment_of
from pipeline.store import Store
from tests.clocks import Clock
from tests.oauth import CLIENT_ID, CLIENT_SECRET, CODE, OTHER_KEY, PATH, REFRESH_TOKEN, STORE_KEY, told
from tests.servers import Server, running_server
from tests.simulators import Simulator, running_simulator
from tests.waiting import await_true

ATTEMPT_S = 60.0
OPTIONS = {"requests_per_second": 1000, "token_lifetime_s": 60}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Processes that share tokens, as one test plays them."""

    simulator: Simulator
    settings: Settings
    store: Store

    def process(
        self,
        *,
        on: Path | None = None,
        carry_out: Callable[[Attempt], Nothing | None] | None = None,
        **changes: Any,
    ) -> SharedTokens:
        """Give what a new process has, on another machine perhaps, or with its own way to carry out."""
        settings = replace(self.settings, data_dir=on or self.settings.data_dir, **changes)
        oauth = settings.oauth()
        assert oauth
        return SharedTokens(
            Grants.from_settings(settings, oauth, self.store),
            carry_out or (lambda attempt: refresh(settings, attempt, until=time.monotonic() + 30)),
            attempt_s=ATTEMPT_S,
            base_url=settings.base_url,
        )

    @property
    def grants(self) -> Grants:
        oauth = self.settings.oauth()
        assert oauth
        return Grants.from_settings(self.settings, oauth, self.store)

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
            read_timeout_s=20.0,
            connect_timeout_s=20.0,
            request_deadline_s=20.0,
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
    start: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = start()
    fleet.process().prepare()
    first = fleet.stored
    expire(fleet, first.version)
    with monkeypatch.context() as dying:
        dying.setattr(Tokens, "replace", lambda *_args, **_named: False)
        with pytest.raises(AccessAwaited):
            fleet.process().prepare()
    clear_attempt(fleet)
    # by a server that locks nobody out for it; the simulator would
    another = ask_from(fleet, "another")
    fleet.grants.tokens.end(another, wait_s=0.0, lost="The refresh token is refused.")

    process = fleet.process()
    process.prepare()

    assert (fleet.stored.version, fleet.stored.lost) == (first.version + 1, "")
    assert fleet.answers(process) == 200
    assert (told(fleet.simulator)["granted"], told(fleet.simulator)["reused"]) == (2, 0)


def test_who_may_have_the_answer_on_its_disk_is_let_come_first_after_the_server_was_away(
    start: Callable[..., Fleet], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # given two machines, and a server that goes away between the answer to one of them and the ledger
    with running_server() as server:
        fleet = on_server(start(token_lifetime_s=3600), server)
        fleet.process().prepare()
        used = fleet.grants.open(fleet.stored).refresh_token
        leave(fleet, 1000)
        fleet.simulator.set_faults({"token.slow": "1:8-8"})

        def end_in_between(attempt: Attempt) -> Nothing:
            with refreshing(fleet, attempt) as process:
                await_true(lambda: told(fleet.simulator)["granted"] == 2, "the API gives tokens")
                server.kill()
                await_true(lambda: fleet.grants.spare.given_for(used), "they are on the disk")
                process.kill()
            return Nothing("The server is away.")

        with pytest.raises(LedgerUnreachable):
            fleet.process(carry_out=end_in_between).prepare()
        fleet.simulator.set_faults({})
        server.start()
        assert fleet.stored.version == 1
        clear_attempt(fleet)

        # when the other one comes first, which has nothing on its disk
        other = fleet.process(on=tmp_path / "another")
        other.prepare()
        other.prepare()

        # then it goes on with the old token, and says why, once
        assert fleet.answers(other) == 200
        said = [each.getMessage() for each in caplog.records if "not replaced yet" in each.getMessage()]
        assert len(said) == 1
        assert fleet.grants.spare.place in said[0]

        # and when the first one is back, what it was given is what all use
        process = fleet.process()
        process.prepare()
        other.prepare()
        assert fleet.stored.version == 2
        assert other.header == process.header
        assert fleet.answers(other) == 200
        assert (told(fleet.simulator)["granted"], told(fleet.simulator)["reused"]) == (2, 0)


def test_who_does_not_come_is_waited_for_until_the_token_is_about_to_end(
    start: Callable[..., Fleet],
) -> None:
    # given a machine that died before its request arrived
    fleet = start(token_lifetime_s=3600)
    process = fleet.process()
    process.prepare()
    ask_from(fleet, "gone")
    leave(fleet, HURRY_MAX_S + 60)
    waiting = fleet.process()
    waiting.prepare()
    assert fleet.answers(waiting) == 200
    assert told(fleet.simulator)["granted"] == 1

    leave(fleet, HURRY_MAX_S - 1)
    waiting.prepare()

    assert fleet.stored.version == 2
    assert fleet.answers(waiting) == 200
    assert asked_by(fleet) is None


def test_nobody_is_waited_for_once_the_api_refuses_the_token(start: Callable[..., Fleet]) -> None:
    fleet = start(token_lifetime_s=3600)
    process = fleet.process()
    process.prepare()
    ask_from(fleet, "gone")
    assert process.refused(process.header) is False

    process.prepare()

    assert fleet.stored.version == 2
    assert fleet.answers(process) == 200


def test_who_asked_itself_asks_again_without_waiting(start: Callable[..., Fleet]) -> None:
    # given an attempt from here that died before its request arrived
    fleet = start(token_lifetime_s=3600)
    fleet.process().prepare()
    ask_from(fleet, fleet.grants.spare.place)
    leave(fleet, 1000)

    fleet.process().prepare()

    assert fleet.stored.version == 2


@pytest.mark.parametrize(("faults", "until_s"), [({"token.500": 1}, 5.0), ({}, -1.0)])
def test_an_attempt_that_ends_without_tokens_keeps_no_other_machine_waiting(
    start: Callable[..., Fleet], tmp_path: Path, faults: dict[str, float], until_s: float
) -> None:
    # given one that the API gave none, or that came too late to ask
    fleet = start(token_lifetime_s=3600)
    fleet.process().prepare()
    fleet.simulator.set_faults(faults)
    attempt = Attempt("first", 1)
    fleet.grants.tokens.begin(attempt, within_s=ATTEMPT_S)
    assert refresh(fleet.settings, attempt, until=time.monotonic() + until_s)
    assert asked_by(fleet) is None
    fleet.simulator.set_faults({})
    leave(fleet, 1000)
    clear_attempt(fleet)

    fleet.process(on=tmp_path / "another").prepare()

    assert fleet.stored.version == 2


def test_whoever_took_so_long_that_another_one_began_does_not_ask(start: Callable[..., Fleet]) -> None:
    fleet = start()
    late = Attempt("late", 0)
    fleet.grants.tokens.begin(late, within_s=0.0)
    fleet.grants.tokens.begin(Attempt("next", 0), within_s=ATTEMPT_S)

    assert refresh(fleet.settings, late, until=time.monotonic() + 5) is None

    assert told(fleet.simulator)["granted"] == 0
    assert asked_by(fleet) is None


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
    fleet = start(token_lifetime_s=12)
    process = fleet.process()
    process.prepare()
    fleet.simulator.set_faults({"token.500": 1})
    held = process._held
    assert held
    await_true(lambda: time.monotonic() > held.refresh_at, "it is time")

    process.prepare()

    assert fleet.answers(process) == 200
    await_true(lambda: not process.holds, "the token ends")
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


def on_server(fleet: Fleet, server: Server) -> Fleet:
    """Give the fleet a server of its own, which is not asked again when it is away."""
    settings = replace(fleet.settings, redis_url=server.url)
    return replace(fleet, settings=settings, store=Store(server.url, settings.namespace, retries=0))


@contextmanager
def refreshing(fleet: Fleet, attempt: Attempt) -> Iterator[subprocess.Popen[bytes]]:
    """Carry an attempt out by a process, which is ended."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pipeline.authorization.refresh"),
            *(attempt.name, str(attempt.version), str(time.monotonic() + ATTEMPT_S)),
        ],
        env=environment_of(fleet.settings, credentials=True),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ask_from(fleet: Fleet, place: str) -> Attempt:
    """Begin an attempt to replace what is stored, as from a place, and ask; nobody tells how it ends."""
    attempt = Attempt(place, fleet.stored.version)
    fleet.grants.tokens.begin(attempt, within_s=0.0)
    assert fleet.grants.tokens.note_asking(attempt, place)
    return attempt


def asked_by(fleet: Fleet) -> str | None:
    """Say whose attempt has neither stored nor ended."""
    place: Any = fleet.store._client.hget(f"{fleet.settings.namespace}:oauth", "asked_by")
    return None if place is None else str(place)


def leave(fleet: Fleet, left_s: float) -> None:
    """Let so much be left of the stored access token's time."""
    client = fleet.store._client
    client.hset(
        f"{fleet.settings.namespace}:oauth", "ends_ms", str(round((client.time()[0] + left_s) * 1000))
    )


def clear_attempt(fleet: Fleet) -> None:
    """Let the time be over for which nobody asks."""
    client = fleet.store._client
    client.hdel(f"{fleet.settings.namespace}:oauth", "attempt", "attempt_ends_ms")


def expire(fleet: Fleet, version: int) -> None:
    """Let the access token of a version end now."""
    assert fleet.stored.version == version
    fleet.store._client.hset(f"{fleet.settings.namespace}:oauth", "ends_ms", "1")
