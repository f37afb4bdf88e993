"""A real Prometheus scrapes a real fleet: the dashboard has its data, and alerts see what goes wrong."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from pipeline.metrics import serving
from pipeline.settings import Settings
from tests.expressions import alerts, dashboard_expressions
from tests.monitoring.prometheus import Prometheus, running_prometheus
from tests.recordings import make_recordings
from tests.scraping import free_port
from tests.servers import Server, running_server
from tests.simulators import Simulator
from tests.system.machine import Command, Machine
from tests.system.scenarios import set_up
from tests.waiting import await_true

pytestmark = pytest.mark.long

SEEN_WITHIN_S = 60.0
DONE = 'max without (instance) (gong_ingest_jobs{state="done"})'
# Nothing of these is there to be seen while all is well, and of the last without a webhook.
EMPTY_WHEN_WELL = ("gong_ingest_dead_letters", "gong_ingest_jobs_died_total", "gong_ingest_webhook_")


@dataclass(frozen=True, slots=True)
class Fleet:
    """A worker that tells its metrics, somebody else who tells the same, and who scrapes both."""

    machine: Machine
    simulator: Simulator
    server: Server
    worker: Command
    prometheus: Prometheus
    folder: Path

    def value(self, expression: str) -> float | None:
        return self.prometheus.value(expression)

    def hand_in(self, count: int, name: str) -> None:
        recordings = make_recordings(self.folder / "recordings", count, name=name)
        handed_in = self.machine.run("backfill", recordings.manifest, "--no-wait")
        assert handed_in.code == 0, handed_in.written

    def gate(self, action: str) -> None:
        """Open or close it."""
        assert self.machine.run("gate", action).code == 0

    def await_alert(self, name: str) -> None:
        """Wait until an alert stands, or is waited for."""
        await_true(lambda: name in self.prometheus.firing(), f"{name} is seen", within_s=SEEN_WITHIN_S)


@contextmanager
def running_fleet(folder: Path) -> Iterator[Fleet]:
    """Run everything; a worker asks for 10 requests a second at most."""
    ports = free_port(), free_port()
    (folder / "recordings").mkdir()
    with running_server() as server, set_up(folder) as (machine, simulator):
        machine.settings |= {
            "GONG_INGEST_REDIS_URL": server.url,
            "GONG_INGEST_METRICS_PORT": str(ports[0]),
            "GONG_INGEST_MEDIA_ROOTS": str(folder / "recordings"),
            "GONG_INGEST_REQUESTS_PER_SECOND": "10",
        }
        worker = machine.start("worker", "--json")
        assert worker.process.stdout
        assert worker.process.stdout.readline(), worker.finish().written
        elsewhere = Settings(redis_url=server.url, metrics_port=ports[1], done_by="2020-01-01")
        targets = [f"127.0.0.1:{port}" for port in ports]
        with serving(elsewhere), running_prometheus(folder, targets) as prometheus:
            yield Fleet(machine, simulator, server, worker, prometheus, folder)


def test_prometheus_sees_a_fleet_at_work_and_in_trouble(tmp_path: Path) -> None:
    with running_fleet(tmp_path) as fleet:
        all_is_well(fleet)
        a_key_is_refused(fleet)
        recordings_die(fleet)
        workers_are_gone(fleet)
        the_ledger_is_away(fleet)


def all_is_well(fleet: Fleet) -> None:
    """Both places are scraped and tell the same, and every expression has its data."""
    fleet.hand_in(100, "calls.jsonl")
    await_true(lambda: (fleet.value(DONE) or 0) >= 50, "half are done", within_s=SEEN_WITHIN_S)
    # Those of a known end have data only while something waits.
    for expression in dashboard_expressions():
        if not any(name in expression for name in EMPTY_WHEN_WELL):
            await_true(
                partial(fleet.prometheus.query, expression),
                f"there is data for {expression}",
                within_s=10,
            )
    fleet.await_alert("GongIngestBacklogLate")
    await_true(lambda: fleet.value(DONE) == 100, "all are done", within_s=SEEN_WITHIN_S)

    assert fleet.value("count(gong_ingest_up == 1)") == 2
    asked = len(fleet.simulator.record("calls=0")["requests"])
    requests = "sum(max without (instance) (gong_ingest_requests_total))"
    await_true(lambda: fleet.value(requests) == asked, "every request is counted", within_s=10)
    for alert in alerts():
        fleet.prometheus.query(alert["expr"])
    await_true(lambda: not fleet.prometheus.firing(), "no alert stands", within_s=20)


def a_key_is_refused(fleet: Fleet) -> None:
    fleet.simulator.set_faults({"401": 1})
    fleet.hand_in(120, "more.jsonl")
    fleet.await_alert("GongIngestGateClosedUnauthorized")
    fleet.simulator.set_faults({})
    fleet.gate("open")
    await_true(lambda: not fleet.prometheus.firing() - {"GongIngestBacklogLate"}, "it is over", within_s=60)


def recordings_die(fleet: Fleet) -> None:
    """Their files are gone."""
    # Nobody reads them while they are written, or before they are gone.
    await_true(lambda: fleet.value(DONE) == 120, "all others are done", within_s=SEEN_WITHIN_S)
    fleet.gate("close")
    fleet.hand_in(140, "dying.jsonl")
    for path in (fleet.folder / "recordings").rglob("*.wav"):
        path.unlink()
    fleet.gate("open")
    dead = 'max without (instance) (gong_ingest_jobs_ended_total{state="dead", lane="backfill"})'
    await_true(lambda: (fleet.value(dead) or 0) > 5, "some have died", within_s=SEEN_WITHIN_S)
    fleet.await_alert("GongIngestDeadLettersRising")
    assert (fleet.value("sum(max without (instance) (gong_ingest_dead_letters))") or 0) > 5


def workers_are_gone(fleet: Fleet) -> None:
    """The worker's own page goes with it; the other place still tells."""
    fleet.worker.interrupt(signal.SIGTERM)
    ended = fleet.worker.finish()
    assert "Traceback" not in ended.stderr
    fleet.await_alert("GongIngestNoWorker")


def the_ledger_is_away(fleet: Fleet) -> None:
    fleet.server.kill()
    fleet.await_alert("GongIngestLedgerAway")
    assert "GongIngestNotScraped" not in fleet.prometheus.firing()
    fleet.server.start()
    await_true(lambda: fleet.value("max(gong_ingest_up)") == 1, "it is back", within_s=SEEN_WITHIN_S)
