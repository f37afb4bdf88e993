"""A scrape of a real ledger: what it tells, what it costs, and what it says when the server is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.registry import CollectorRegistry

from pipeline.errors import SettingsInvalid
from pipeline.events import want_events
from pipeline.history import Endpoint, counted
from pipeline.job import Lane, Step
from pipeline.ledger import Fleet
from pipeline.limiter import REASONS, Limiter
from pipeline.metrics import METRICS, LedgerCollector, register
from pipeline.scripts import script_text
from pipeline.settings import Settings
from tests.integration.ledger.bench import Bench
from tests.integration.limiter.pace import make_limits
from tests.scraping import Scraped, numbers_in
from tests.servers import Server, running_server

# Prometheus's own, unless it is told another.
SCRAPE_TIMEOUT_S = 10.0


def scrape(registry: CollectorRegistry) -> Scraped:
    return numbers_in(generate_latest(registry).decode())


def commands(server: Server) -> int:
    return int(server.client.info("stats")["total_commands_processed"])


@pytest.mark.usefixtures("collector")
def test_an_empty_ledger_is_told(registry: CollectorRegistry) -> None:
    told = scrape(registry)

    assert told["gong_ingest_up", ()] == 1
    assert told["gong_ingest_jobs", ("pending",)] == 0
    assert told["gong_ingest_workers", ()] == 0


@pytest.mark.usefixtures("collector")
def test_jobs_are_told_by_lane_and_dead_letters_by_reason(bench: Bench, registry: CollectorRegistry) -> None:
    bench.clock.now_s = time.time() - 120
    bench.bring_in("done", batch="one", lane=Lane.LIVE)
    bench.bury("dead-1", "dead-2", batch="one", code="media_empty")
    bench.bury("dead-3", batch="two", code="media_empty", step=Step.CREATE_CALL)
    bench.held("active", batch="two", lane=Lane.LIVE)
    bench.submit("w-1", "w-2", "w-3", batch="two")
    bench.submit("live-1", batch="three", lane=Lane.LIVE)
    bench.control.pause("three")

    told = scrape(registry)

    expected: Scraped = {
        ("gong_ingest_jobs", ("pending",)): 4,
        ("gong_ingest_jobs", ("active",)): 1,
        ("gong_ingest_jobs", ("done",)): 1,
        ("gong_ingest_jobs", ("dead",)): 3,
        ("gong_ingest_open_jobs", ("backfill", "pending")): 3,
        ("gong_ingest_open_jobs", ("live", "pending")): 1,
        ("gong_ingest_open_jobs", ("live", "active")): 1,
        ("gong_ingest_open_jobs", ("backfill", "active")): 0,
        ("gong_ingest_dead_letters", ("media_empty", "validate")): 2,
        ("gong_ingest_dead_letters", ("media_empty", "create_call")): 1,
        ("gong_ingest_jobs_died_total", ("media_empty", "validate")): 2,
        ("gong_ingest_jobs_ended_total", ("live", "done")): 1,
        ("gong_ingest_jobs_ended_total", ("backfill", "dead")): 3,
        ("gong_ingest_oldest_due_age_seconds", ("live",)): 0,
    }
    assert {name: told[name] for name in expected} == expected
    assert 119 < told["gong_ingest_oldest_due_age_seconds", ("backfill",)] < 240


@pytest.mark.usefixtures("collector")
def test_rescues_and_spent_attempts_are_counted(bench: Bench, registry: CollectorRegistry) -> None:
    bench.attempts_max = 2
    bench.held("a", lane=Lane.LIVE)
    for _ in range(2):
        bench.clock.advance(3600)
        for claim in bench.claim():
            bench.begin(claim)

    told = scrape(registry)

    assert told["gong_ingest_leases_rescued_total", ()] == 2
    assert told["gong_ingest_jobs_died_total", ("worker_lost", "validate")] == 1
    assert told["gong_ingest_jobs_ended_total", ("live", "dead")] == 1


@pytest.mark.usefixtures("collector")
def test_a_retry_lowers_the_letters_and_not_the_counter(bench: Bench, registry: CollectorRegistry) -> None:
    bench.bury("a", "b")
    bench.control.retry("calls", code="refused")

    told = scrape(registry)

    assert ("gong_ingest_dead_letters", ("refused", "validate")) not in told
    assert told["gong_ingest_jobs_died_total", ("refused", "validate")] == 2


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("reason", REASONS)
def test_a_closed_gate_is_told_with_its_reason(
    bench: Bench, registry: CollectorRegistry, reason: str
) -> None:
    limiter = Limiter(bench.store, make_limits())
    close: dict[str, Callable[[], object]] = {
        "rate_limited": lambda: limiter.close_for(60, "429"),
        "failing": lambda: limiter.note_failure("500", failures_to_close=1),
        "unauthorized": lambda: limiter.close_unauthorized("401"),
        "wrong_address": lambda: limiter.close_wrong_address("404"),
        "by_hand": lambda: limiter.close_by_hand("maintenance"),
    }
    close[reason]()

    told = scrape(registry)

    assert {each for each in REASONS if told["gong_ingest_gate_closed", (each,)]} == {reason}
    assert {each for each in REASONS if told["gong_ingest_gate_closings_total", (each,)]} == {reason}
    # the script's own table of reasons is the same
    assert all(f"{each} = " in script_text("close") for each in REASONS)


@pytest.mark.usefixtures("collector")
def test_what_was_delivered_is_told_when_no_worker_has_the_webhook_any_more(
    bench: Bench, registry: CollectorRegistry
) -> None:
    want_events(bench.store, kept=100, webhook=True)
    bench.server.client.hset(bench.key("webhook"), mapping={"delivered": 7, "dropped": 2})
    while_wanted = scrape(registry)
    bench.server.client.hset(bench.key("webhook"), "wanted_until", "1")

    told = scrape(registry)

    totals = [("gong_ingest_webhook_events_total", (each,)) for each in ("delivered", "dropped", "given_up")]
    assert [told[name] for name in totals] == [while_wanted[name] for name in totals] == [7, 2, 0]
    gauges = {("gong_ingest_webhook_waiting_events", ()), ("gong_ingest_webhook_failing", ())}
    assert gauges <= set(while_wanted)
    assert not gauges & set(told)


@pytest.mark.usefixtures("collector")
def test_what_processes_counted_is_told(bench: Bench, registry: CollectorRegistry) -> None:
    ledger = bench.ledger
    ledger.count(counted.request(Endpoint.UPLOAD_MEDIA, Lane.BACKFILL, None))
    ledger.count(counted.wait(Lane.LIVE, 0.3))
    ledger.count(counted.step(Step.UPLOAD_MEDIA, 100.0))
    ledger.count(counted.upload(1_500_000_000, 99.5))
    ledger.join_fleet("worker", calls=4, media=3, ttl_s=1e9)

    told = scrape(registry)

    assert told["gong_ingest_requests_total", ("upload_media", "backfill", "none")] == 1
    assert told["gong_ingest_limiter_wait_seconds_count", ("live",)] == 1
    assert told["gong_ingest_limiter_wait_seconds_sum", ("live",)] == 0.3
    buckets = {
        bound: told["gong_ingest_step_duration_seconds_bucket", (bound, "upload_media")]
        for bound in ("60.0", "300.0")
    }
    assert buckets == {"60.0": 0, "300.0": 1}
    assert told["gong_ingest_upload_bytes_total", ()] == 1.5e9
    assert told["gong_ingest_upload_seconds_total", ()] == 99.5
    assert told["gong_ingest_dispatcher_window_jobs", ()] == Fleet(1, 4, 3).window == 3


@pytest.mark.usefixtures("collector")
def test_a_scrape_costs_the_same_for_many_jobs(
    bench: Bench, registry: CollectorRegistry, server: Server
) -> None:
    def cost() -> int:
        # What others ask the server meanwhile comes on top.
        return min(cost_once() for _ in range(5))

    def cost_once() -> int:
        before = commands(server)
        scrape(registry)
        return commands(server) - before

    bench.bury("dead")
    bench.submit("first")
    few = cost()
    for number in range(10):
        bench.submit(*(f"{number}-{job}" for job in range(300)))

    assert cost() == few


def test_nothing_is_asked_until_somebody_scrapes() -> None:
    registered = register(CollectorRegistry(), Settings(redis_url="redis://127.0.0.1:1/0"))
    assert len(list(registered.describe())) == len(METRICS)
    registered.close()


def test_a_ledger_without_a_server_is_refused_with_a_sentence() -> None:
    with pytest.raises(SettingsInvalid, match="GONG_INGEST_REDIS_URL is not set"):
        register(CollectorRegistry(), Settings())


@contextmanager
def own_server() -> Iterator[tuple[Server, CollectorRegistry]]:
    registry = CollectorRegistry()
    with running_server() as server:
        registered = register(registry, Settings(redis_url=server.url))
        yield server, registry
        registered.close()


@pytest.mark.parametrize("way", ["killed", "frozen", "refusing"])
def test_with_the_server_away_that_is_told_at_once_and_it_recovers(way: str) -> None:
    with own_server() as (server, registry):
        assert scrape(registry)["gong_ingest_up", ()] == 1
        if way == "killed":
            server.kill()
        elif way == "frozen":
            server.freeze()
        else:
            server.client.execute_command("ACL", "SETUSER", "default", "-evalsha", "-eval")

        began = time.monotonic()
        told = scrape(registry)
        took_s = time.monotonic() - began

        assert told == {("gong_ingest_up", ()): 0, ("gong_ingest_build_info", ("0.1.0",)): 1}
        # before Prometheus gives a scrape up, also on a busy machine
        assert took_s < SCRAPE_TIMEOUT_S
        if way == "killed":
            server.start()
        elif way == "frozen":
            server.thaw()
        else:
            server.client.execute_command("ACL", "SETUSER", "default", "+@all")
        assert scrape(registry)["gong_ingest_up", ()] == 1


def test_it_stands_beside_what_else_a_process_tells(server_url: str, namespace: str) -> None:
    """As on Flower's page: in the library's own registry."""
    registered = register(REGISTRY, Settings(redis_url=server_url, namespace=namespace))
    try:
        page = generate_latest(REGISTRY).decode()
    finally:
        REGISTRY.unregister(registered)
        registered.close()

    assert "\ngong_ingest_up 1.0\n" in page
    assert "\nprocess_resident_memory_bytes " in page


def test_the_collector_names_what_it_collects(
    registry: CollectorRegistry, collector: LedgerCollector
) -> None:
    scrape(registry)

    named = {family.name for family in collector.describe()}
    assert {family.name for family in collector.collect()} <= named
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(collector)
