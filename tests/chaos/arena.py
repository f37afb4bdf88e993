"""An arena: a server, a simulator and a fleet of real processes, with the evidence of what they did."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import LedgerUnreachable
from pipeline.events import want_events
from pipeline.history import History
from pipeline.job import Counts, Lane, job_id_of
from pipeline.ledger import Ledger, Manifests
from pipeline.limiter import Limiter, Limits
from pipeline.manifest import read_manifest
from pipeline.producer import Handed, Producer, Source
from pipeline.settings import Settings as PipelineSettings
from pipeline.store import Store
from tests.chaos import evidence
from tests.chaos.audit import Evidence, audit
from tests.chaos.evidence import evidence_of
from tests.chaos.fleet import Fleet
from tests.chaos.recordings import SIZE_BYTES, Recording, write_manifest, write_recordings
from tests.chaos.telling import tell
from tests.environment import ENVIRONMENT
from tests.servers import Server, running_server
from tests.simulators import Simulator, running_simulator
from tests.waiting import await_true
from workers.app import make_app

LEASE_TTL_S = 2.0
STOP_GRACE_S = 2.0
NAMESPACE = "chaos"
# The fleet stays a little below what the simulator allows.
FLEET_PER_S, SIMULATOR_PER_S = 160.0, 200.0
REQUESTS_PER_DAY = 10_000_000
LOG_LINES_SHOWN = 15
PATIENT = {"LEASE_TTL_S": "30", "READ_TIMEOUT_S": "30", "REQUEST_DEADLINE_S": "30"}
CREDENTIALS = ("GONG_BASE_URL", "GONG_ACCESS_KEY", "GONG_ACCESS_KEY_SECRET")
EVENTS_KEPT = 1_000_000
# Everything that makes people wait is short, so that a test sees many rounds of it.
SETTINGS = {
    "NAMESPACE": NAMESPACE,
    "LEASE_TTL_S": f"{LEASE_TTL_S:g}",
    "STOP_GRACE_S": f"{STOP_GRACE_S:g}",
    "BACKOFF_BASE_S": "0.2",
    "BACKOFF_CAP_S": "2",
    "CONNECT_TIMEOUT_S": "2",
    "READ_TIMEOUT_S": "3",
    "REQUEST_DEADLINE_S": "3",
    "REQUESTS_PER_DAY": str(REQUESTS_PER_DAY),
    "FAILURES_TO_CLOSE": "1000",
    "ATTEMPTS_MAX": "200",
}


@dataclass(slots=True)
class Arena:
    """One system that is put to the test."""

    folder: Path
    server: Server
    simulator: Simulator
    fleet: Fleet
    ledger: Ledger
    limiter: Limiter
    recordings: list[Recording] = field(default_factory=list)

    def hand_in(self, batch: str, count: int, *, size_bytes: int = SIZE_BYTES) -> list[Recording]:
        """Write so many new recordings and hand their manifest in as a batch."""
        names = [f"{batch}-{number:04d}" for number in range(count)]
        recordings = write_recordings(self.folder / "media" / batch, names, size_bytes=size_bytes)
        self.recordings += recordings
        self.submit(batch, recordings)
        return recordings

    def submit(self, batch: str, recordings: Sequence[Recording]) -> None:
        """Hand in a manifest of recordings, as the command `backfill` does."""
        manifest = write_manifest(self.folder / "media" / f"{batch}.jsonl", recordings)
        producer = Producer(self.ledger, Manifests(self.ledger._store), batch=batch, lane=Lane.BACKFILL)
        for handed in producer.backfill(read_manifest(manifest), Source(batch)):
            assert isinstance(handed, Handed), f"Line {handed.line} was rejected: {handed.reason}"

    def await_final(self, batch: str, *, within_s: float) -> Counts:
        """Wait until every job of a batch is in a final state."""
        try:
            await_true(
                lambda: not self.ledger.counts(batch).waiting, f"{batch} is finished", within_s=within_s
            )
        except TimeoutError as error:
            raise TimeoutError(f"{error} {self.ledger.counts(batch)} {self.limiter.gate()}") from None
        return self.ledger.counts(batch)

    def key(self, name: str) -> str:
        """Give the full name of a key of this arena."""
        return f"{NAMESPACE}:{name}"

    def job(self, job_id: str) -> dict[str, str]:
        """Read the record of a job."""
        record: dict[str, str] = self.server.client.hgetall(self.key(f"job:{job_id}"))
        return record

    def attempts_spent(self) -> int:
        """Count the attempts that the recordings cost; each repeats one request at most."""
        jobs = [self.job(job_id_of(each.client_unique_id)) for each in self.recordings]
        return sum(int(job.get("a") or job.get("attempts") or 0) for job in jobs)

    def make_due(self, batch: str) -> None:
        """Let what is pending in a batch be due now, whatever it waits for."""
        key = self.key(f"due:backfill:{batch}")
        for job in self.server.client.zrange(key, 0, -1):
            # XX: a job that was claimed in between is not put back
            self.server.client.zadd(key, {job: 0}, xx=True)
            self.server.client.zadd(self.key("turns:backfill"), {batch: 0})

    def queued(self, queue: str) -> int:
        """Count the messages that wait in a queue of the broker."""
        return int(self.server.client.llen(self.key(f"celery:{queue}")))

    def held(self) -> int:
        """Count the messages that workers hold, as they tell it themselves."""
        app = make_app(PipelineSettings(redis_url=self.server.url, namespace=NAMESPACE))
        # It ends as soon as so many have answered.
        inspect = app.control.inspect(timeout=20, limit=len(self.fleet.workers))
        answers = (inspect.scheduled() or {}, inspect.reserved() or {})
        assert all(len(each) == len(self.fleet.workers) for each in answers), "not every worker answered"
        return sum(len(messages) for answer in answers for messages in answer.values())

    def dispatchers(self) -> int:
        """Count the dispatchers that wait for something to do."""
        return dispatchers_of(self.server)

    def seen(self) -> int:
        """Count the requests that reached the simulator."""
        return int(self.simulator.health()["requests"])

    def calls(self) -> dict[str, dict[str, Any]]:
        """Give the simulator's calls by their clientUniqueId."""
        return {call["clientUniqueId"]: call for call in self.simulator.record("requests=0")["calls"]}

    def evidence(self, **expected: Any) -> Evidence:
        """Collect what an audit looks at."""
        return evidence_of(
            self.recordings,
            self.simulator.record(),
            self.server.client,
            self.ledger,
            namespace=NAMESPACE,
            done_counted=self._done_counted(),
            requests_per_second=self.limiter.limits.requests_per_second,
            **expected,
        )

    def _done_counted(self) -> dict[str, int]:
        """Count in the history the jobs that came to be done."""
        client, history = self.server.client, History(self.ledger._store)
        totals = client.hgetall(self.key("totals"))
        batches = [history.batch_throughput(each.batch) for each in self.ledger.batches()]
        return {
            "totals": sum(int(number) for name, number in totals.items() if name.startswith("done:")),
            "batches' times": sum(part.done for batch in batches for part in batch.parts),
        }

    def audit(self, **expected: Any) -> list[str]:
        """Audit everything that happened in this arena."""
        return audit(self.evidence(**expected))


@contextmanager
def arena(
    *,
    per_second: float = FLEET_PER_S,
    simulator: dict[str, Any] | None = None,
    server: Server | None = None,
    credentials: Callable[[Simulator], Mapping[str, str]] | None = None,
    patient: bool = False,
    **settings: str,
) -> Iterator[Arena]:
    """Set an arena up, without workers yet; settings are named without their prefix.

    Credentials are variables with their whole names, in the place of those of the simulator's key. Without a
    server that runs already it has one of its own. In a patient one nobody loses a lease, or gives an answer
    up, because the machine is busy.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        stack.callback(shutil.rmtree, folder)
        server = server or stack.enter_context(running_server())
        options = {"requests_per_second": SIMULATOR_PER_S, "requests_per_day": REQUESTS_PER_DAY}
        running = stack.enter_context(running_simulator(**(options | (simulator or {}))))
        waits = PATIENT if patient else {}
        chosen = SETTINGS | waits | {"REQUESTS_PER_SECOND": f"{per_second:g}"} | settings
        environment = environment_of(folder, server, running, chosen)
        if credentials:
            for name in CREDENTIALS:
                del environment[name]
            environment |= credentials(running)
        fleet = Fleet(environment, folder)
        stack.callback(fleet.end)
        store = Store(server.url, NAMESPACE)
        stack.callback(store.close)
        _want_events(server)
        stack.push(lambda *raised: _show_logs(fleet) if raised[0] else None)
        yield Arena(
            folder=folder,
            server=server,
            simulator=running,
            fleet=fleet,
            ledger=Ledger(store, lease_ttl_s=LEASE_TTL_S, attempts_max=int(chosen["ATTEMPTS_MAX"])),
            limiter=Limiter(store, Limits(per_second, REQUESTS_PER_DAY, 0.01, 1, 0.1)),
        )


def _want_events(server: Server) -> None:
    """Want them from the beginning, so that the audit can hold them to what became of each job.

    By a connection of its own: one that was idle asks a server on a full disk first whether it is alive,
    and is refused.
    """
    with closing(Store(server.url, NAMESPACE)) as store, suppress(LedgerUnreachable):
        want_events(store, kept=EVENTS_KEPT, webhook=False)


def dispatchers_of(server: Server) -> int:
    """Count the dispatchers that wait for something to do; nobody else waits in this way."""
    clients = server.client.client_list()
    # A connection whose wait is over has the same last command.
    return sum(client["cmd"] == "blpop" and "b" in client["flags"] for client in clients)


def jobs_of(server: Server) -> dict[str, dict[str, str]]:
    """Read the records of all jobs that an arena's server has, by id."""
    return evidence.jobs_of(server.client, NAMESPACE)


def _show_logs(fleet: Fleet) -> None:
    """Print how the logs of the workers end; shown by pytest when a test fails."""
    for worker in fleet.workers:
        lines = worker.log.read_text("utf-8", "replace").splitlines()
        tell(f"--- {worker.name}, {len(lines)} lines", *lines[-LOG_LINES_SHOWN:])


def environment_of(
    folder: Path, server: Server, simulator: Simulator, settings: dict[str, str]
) -> dict[str, str]:
    """Give the environment of the workers, free of whatever is set around the tests."""
    (folder / "media").mkdir(exist_ok=True)
    clean = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("GONG")}
    return (
        clean
        | {"HOME": str(folder), "GONG_BASE_URL": simulator.url, "CHAOS_FOLDER": str(folder)}
        | {"GONG_ACCESS_KEY": "demo-key", "GONG_ACCESS_KEY_SECRET": "demo-secret"}
        | {"GONG_INGEST_REDIS_URL": server.url, "GONG_INGEST_MEDIA_ROOTS": str(folder / "media")}
        | {"GONG_INGEST_DATA_DIR": str(folder / "data")}
        | {f"GONG_INGEST_{name}": value for name, value in settings.items()}
    )


def new_seed() -> int:
    """Choose a seed, or take it from CHAOS_SEED, and tell it, so that a failure can be repeated."""
    seed = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 1_000_000)
    tell(f"CHAOS_SEED={seed}")
    return seed
