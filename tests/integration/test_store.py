"""The connection to the server: what it says when the server cannot be used, and what it survives."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

import pipeline.store
from pipeline.errors import LedgerRefused, LedgerUnreachable, SettingsInvalid
from pipeline.job import Lane, job_id_of
from pipeline.ledger import Ledger
from pipeline.settings import Settings
from pipeline.store import Store
from tests.integration.ledger.bench import BATCH, make_submission
from tests.servers import Server, running_server
from tests.waiting import await_true


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that the test may configure, freeze and kill."""
    with running_server() as running:
        yield running


@pytest.fixture
def own_store(own_server: Server) -> Iterator[Store]:
    store = Store(own_server.url, "test", retries=0)
    yield store
    store.close()


def ledger_of(store: Store) -> Ledger:
    return Ledger(store, lease_ttl_s=30, attempts_max=3)


def test_a_server_that_is_not_there_is_named(namespace: str) -> None:
    store = Store("redis://user:secret@127.0.0.1:1/0", namespace, retries=0)

    with pytest.raises(LedgerUnreachable, match=r"at redis://127\.0\.0\.1:1/0 cannot be used") as caught:
        store.ping()

    assert "secret" not in str(caught.value)


def test_a_wrong_password_is_not_repeated(own_server: Server) -> None:
    own_server.client.config_set("requirepass", "right-one")
    store = Store(own_server.url.replace("unix://", "unix://:wrong-one@"), "test", retries=0)

    with pytest.raises(LedgerUnreachable, match="refuses user or password") as caught:
        store.ping()

    assert "wrong-one" not in str(caught.value)
    store.close()


def test_a_full_server_refuses_a_bundle_as_a_whole(own_server: Server, own_store: Store) -> None:
    own_server.client.config_set("maxmemory", "1")
    ledger = ledger_of(own_store)

    with pytest.raises(LedgerUnreachable, match="memory is full"):
        ledger.submit([make_submission("a"), make_submission("b")], batch=BATCH, lane=Lane.LIVE)

    assert own_server.client.dbsize() == 0


def test_a_replica_is_told_from_the_primary(own_server: Server, own_store: Store) -> None:
    own_server.client.replicaof("127.0.0.1", "1")

    with pytest.raises(LedgerUnreachable, match="a replica that only reads"):
        ledger_of(own_store).submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)


def test_a_full_disk_is_told_from_a_mistake(tmp_path: Path) -> None:
    # A snapshot cannot be put where a folder lies.
    with running_server(dir=str(tmp_path), appendonly="no", save="1 1") as server:
        (tmp_path / "dump.rdb" / "in the way").mkdir(parents=True)
        store = Store(server.url, "test", retries=0)
        ledger_of(store).submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)
        await_true(
            lambda: server.client.info("persistence")["rdb_last_bgsave_status"] == "err", "the disk is full"
        )

        with pytest.raises(LedgerUnreachable, match="disk is full or not writable; make room, what is"):
            ledger_of(store).submit([make_submission("b")], batch=BATCH, lane=Lane.LIVE)

        store.close()


def test_who_may_not_ask_for_settings_gets_none(own_server: Server, own_store: Store) -> None:
    assert own_store.config("appendfsync") == "always"

    own_server.client.acl_setuser("default", commands=["-config"])

    assert own_store.config("appendfsync") is None


def test_a_server_that_runs_a_script_of_somebody_else_is_waited_for(
    own_server: Server, own_store: Store
) -> None:
    own_server.client.config_set("busy-reply-threshold", "20")
    other = redis.Redis.from_url(own_server.url)
    with ThreadPoolExecutor(1) as pool:
        script = pool.submit(other.eval, "while true do end", 0)
        await_true(lambda: is_busy(own_store), "it says that it is busy")
        own_server.client.script_kill()
        assert isinstance(script.exception(), redis.ResponseError)
    other.close()

    own_store.ping()


def is_busy(store: Store) -> bool:
    try:
        store.ping()
    except LedgerUnreachable as error:
        return "busy with a script" in str(error)
    return False


def test_a_ledger_of_another_format_is_left_alone(server: Server, store: Store, namespace: str) -> None:
    store.check_server()
    ledger = ledger_of(store)
    ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)
    server.client.set(f"{namespace}:format", "2")
    before = keys_of(server, namespace)

    for ask in (
        store.check_server,
        lambda: ledger.submit([make_submission("b")], batch=BATCH, lane=Lane.LIVE),
        lambda: store.run_together(("counts", [BATCH]), ("clock", [])),
        lambda: store.begin("clock").answer(),
    ):
        with pytest.raises(LedgerRefused, match=r"has the format 2, and this program knows 1.*upgrade this"):
            ask()

    assert keys_of(server, namespace) == before


def test_a_ledger_that_names_this_format_is_used(server: Server, store: Store, namespace: str) -> None:
    server.client.set(f"{namespace}:format", "1")

    ledger_of(store).submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)

    assert ledger_of(store).counts(BATCH).pending == 1


def keys_of(server: Server, namespace: str) -> dict[str, bytes]:
    """Give everything below a namespace, as the server would write it down."""
    keys = sorted(server.client.scan_iter(f"{namespace}:*"))
    with redis.Redis.from_url(server.url) as raw:
        return {key: raw.dump(key) for key in keys}


def test_a_key_of_somebody_else_is_no_reason_to_wait(server: Server, store: Store, namespace: str) -> None:
    server.client.set(f"{namespace}:workers", "somebody else's")

    with pytest.raises(
        LedgerRefused, match=rf"refuses the script members: WRONGTYPE .*begin with {namespace}:; set GONG_"
    ):
        ledger_of(store).fleet()


RIGHTS = {
    "a command in a script": ("-hset", "the script submit: ACL failure in script: .*'hset'"),
    "the script itself": ("-evalsha", "the script submit: .*'evalsha'"),
    "the keys": ("resetkeys ~other:*", "the script submit: No permissions to access a key"),
}


@pytest.mark.parametrize(("rights", "says"), RIGHTS.values(), ids=RIGHTS.keys())
def test_a_right_that_is_missing_is_named(own_server: Server, rights: str, says: str) -> None:
    own_server.client.execute_command(
        "ACL", "SETUSER", "user", "on", ">word", "~test:*", "allchannels", "+@all", *rights.split()
    )
    store = Store(own_server.url.replace("unix://", "unix://user:word@"), "test", retries=0)

    with pytest.raises(LedgerRefused, match=rf"refuses {says}.*ACL SETUSER … \+@all ~test:\* allchannels"):
        ledger_of(store).submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)

    store.close()


def test_the_rights_that_are_advised_are_enough(own_server: Server) -> None:
    own_server.client.execute_command(
        "ACL", "SETUSER", "user", "on", ">word", "+@all", "~test:*", "allchannels"
    )
    store = Store(own_server.url.replace("unix://", "unix://user:word@"), "test", retries=0)
    ledger = ledger_of(store)

    store.check_server()
    store.subscribe("notices")
    ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)
    assert store.wait_for_wake(5)
    assert len(ledger.claim([Lane.LIVE], window=9).jobs) == 1
    store.close()


def test_a_worker_waits_for_one_answer_no_longer_than_its_lease_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline.store, "WORKER_RETRIES", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        store = Store.of_worker(Settings(redis_url=url, lease_ttl_s=2))
        began = time.monotonic()

        with pytest.raises(LedgerUnreachable, match=r"[Tt]imeout"):
            store.ping()

    # Asked twice, a third of the lease each.
    assert time.monotonic() - began < pipeline.store.ANSWER_TIMEOUT_S / 2
    store.close()


def test_a_server_that_evicts_is_refused(own_server: Server, own_store: Store) -> None:
    own_store.check_server()
    own_server.client.config_set("maxmemory-policy", "allkeys-lru")

    with pytest.raises(SettingsInvalid, match=r"maxmemory-policy is allkeys-lru\. Set it to noeviction"):
        own_store.check_server()


def test_a_frozen_server_is_given_up(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.store, "ANSWER_TIMEOUT_S", 1.0)
    store = Store(own_server.url, "test", retries=0)

    def answers() -> bool:
        try:
            store.ping()
        except LedgerUnreachable:
            return False
        return True

    await_true(answers, "it answers")
    own_server.freeze()

    with pytest.raises(LedgerUnreachable, match=r"[Tt]imeout"):
        store.ping()

    own_server.thaw()
    await_true(answers, "it answers again")
    store.close()


def test_a_server_that_was_killed_is_found_again_with_all_that_was_written(own_server: Server) -> None:
    store = Store(own_server.url, "test")
    ledger = ledger_of(store)
    ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)

    own_server.restart()

    assert [claim.job_id for claim in ledger.claim([Lane.LIVE], window=9).jobs] == [job_id_of("a")]
    store.close()


def test_a_server_that_forgot_the_scripts_learns_them_again(own_server: Server, own_store: Store) -> None:
    ledger = ledger_of(own_store)
    ledger.fleet()
    own_server.client.script_flush()

    assert ledger.fleet().workers == 0


def test_a_wake_is_for_one_dispatcher_and_is_remembered_once(store: Store) -> None:
    ledger = ledger_of(store)
    for name in "abc":
        ledger.submit([make_submission(name)], batch=BATCH, lane=Lane.LIVE)

    assert store.wait_for_wake(5)
    assert not store.wait_for_wake(0.01)


def test_to_wait_for_a_wake_tells_of_a_server_that_is_gone(own_server: Server, own_store: Store) -> None:
    own_store.ping()
    own_server.kill()

    with pytest.raises(LedgerUnreachable):
        own_store.wait_for_wake(5)


def test_a_server_that_reads_what_lies_on_its_disk_is_loading(own_server: Server, own_store: Store) -> None:
    with own_server.client.pipeline(transaction=False) as pipe:
        for number in range(16_384):
            pipe.set(number, number)
        pipe.execute()
    own_server.kill()

    # It answers between every 1024 keys, which so take 0.4 s, and all of them 6.5 s.
    own_server.begin_to_start(key_load_delay="400")

    await_true(own_store.is_loading, "the server is loading")
    with pytest.raises(LedgerUnreachable, match="loading"):
        own_store.ping()


def test_a_server_that_is_not_there_is_not_loading() -> None:
    assert not Store("unix:///nowhere/valkey.sock", "test", retries=0).is_loading()


def test_without_a_server_in_the_settings_there_is_no_store() -> None:
    with pytest.raises(SettingsInvalid, match="GONG_INGEST_REDIS_URL is not set"):
        Store.from_settings(Settings())


def test_the_settings_name_server_and_namespace(server: Server, namespace: str) -> None:
    store = Store.from_settings(Settings(redis_url=server.url, namespace=namespace))
    ledger_of(store).submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)

    assert server.client.exists(f"{namespace}:job:{job_id_of('a')}")
    store.close()


def test_a_script_that_is_under_way_holds_up_nobody(store: Store) -> None:
    first, second = store.begin("clock"), store.begin("clock")

    later = store.run("clock")

    assert int(first.answer()) <= int(second.answer()) <= int(later)


@pytest.mark.parametrize("lose", ["connection", "script"])
def test_a_script_whose_answer_is_lost_is_run_again(own_server: Server, own_store: Store, lose: str) -> None:
    own_store.run("clock")
    if lose == "script":
        own_server.client.script_flush()
    begun = own_store.begin("clock")
    if lose == "connection":
        own_server.client.client_kill_filter(_type="normal", skipme=True)

    assert int(begun.answer()) > 0
    assert int(own_store.begin("clock").answer()) > 0


def test_a_script_that_could_not_be_sent_is_run_when_its_answer_is_asked_for(
    own_server: Server, own_store: Store
) -> None:
    own_store.run("clock")
    own_server.kill()
    begun = own_store.begin("clock")
    with pytest.raises(LedgerUnreachable):
        own_store.begin("clock").answer()

    own_server.start()

    assert int(begun.answer()) > 0


def test_a_connection_whose_answer_was_read_is_used_again(own_server: Server, own_store: Store) -> None:
    own_store.run("clock")
    before = own_server.client.info("stats")["total_connections_received"]

    for _ in range(10):
        own_store.begin("clock").answer()

    assert own_server.client.info("stats")["total_connections_received"] == before


def test_a_script_asks_on_the_connection_that_stands(own_server: Server, own_store: Store) -> None:
    own_store.run("clock")
    before = own_server.client.info("stats")["total_connections_received"]

    for _ in range(10):
        own_store.run("clock")

    assert own_server.client.info("stats")["total_connections_received"] == before


def test_after_one_connection_was_lost_no_other_is_trusted(own_server: Server, own_store: Store) -> None:
    begun = [own_store.begin("clock") for _ in range(3)]
    for each in begun:
        each.answer()
    own_server.client.client_kill_filter(_type="normal", skipme=True)

    assert int(own_store.run("clock")) > 0
    assert own_store.begin("clock").sent_at is not None
    assert int(own_store.run("clock")) > 0


def test_what_was_counted_is_not_lost_with_a_script_that_has_to_be_run_again(
    own_server: Server, own_store: Store
) -> None:
    own_store.begin("clock").answer()
    own_server.client.script_flush()
    own_store.count({"upload_bytes": 3})

    own_store.begin("clock").answer()
    own_store.run("clock")

    assert own_server.client.hgetall("test:totals") == {"upload_bytes": "3"}
