"""What hangs, kills and restarts do to a fleet of containers, as docker-compose.yml describes it."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import closing
from typing import Any

import pytest
import requests
import yaml

from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.chaos.audit import audit
from tests.chaos.evidence import evidence_of
from tests.chaos.recordings import Recording, call_of, write_manifest, write_recordings
from tests.chaos.telling import tell
from tests.compose.engine import Compose
from tests.compose.settings import HEALTHY_WITHIN_S, PER_SECOND, read
from tests.simulators import ask
from tests.waiting import await_true

pytestmark = pytest.mark.long

RECORDINGS = 1_200
NAMESPACE = "gong-ingest"
FINISHED_WITHIN_S = 400.0


def test_a_worker_that_hangs_is_not_well(compose: Compose) -> None:
    container = compose.containers("media")[0]
    asked = ("gong-ingest", "alive", "--queue", "media")
    assert compose.code_of(container, *asked) == 0

    signal_workers(compose, container, signal.SIGSTOP)
    try:
        await_true(lambda: compose.code_of(container, *asked) == 4, "it is missed", within_s=30)
    finally:
        signal_workers(compose, container, signal.SIGCONT)
    await_true(lambda: compose.code_of(container, *asked) == 0, "it is back", within_s=30)


def signal_workers(compose: Compose, container: str, number: signal.Signals) -> None:
    """Signal every process of Celery in a container."""
    script = (
        "import os, pathlib\n"
        "for each in pathlib.Path('/proc').iterdir():\n"
        "    if each.name.isdecimal() and b'-m\\0celery' in (each / 'cmdline').read_bytes():\n"
        f"        os.kill(int(each.name), {int(number)})\n"
    )
    assert compose.code_of(container, "python", "-c", script) == 0


def test_kills_and_restarts_lose_and_double_nothing(compose: Compose, client: Any) -> None:
    recordings = hand_over(compose)
    backfill = compose.start(
        "run", "--rm", "-T", "ingest", "backfill", "calls.jsonl", "--json", stdout=subprocess.PIPE
    )
    store = Store(
        f"redis://:{read('redis-password', compose)}@{compose.address_of('redis', 'ledger')}", NAMESPACE
    )
    ledger = Ledger(store, lease_ttl_s=30, attempts_max=20)
    acts = (kill_worker, crash_worker, kill_redis, restart_redis, scale_down)
    kills = 0
    with closing(store):
        for share, act in enumerate(acts, start=1):
            await_done(ledger, share * RECORDINGS // 8)
            kills += act(compose)
            recordings += hand_in_over_http(compose, f"live-{share}")
            tell(f"{ledger.counts('calls').done} recordings are done after {act.__name__}")
        await_true(lambda: wanted_pods(compose) > 0, "a fleet on Kubernetes would be scaled", within_s=60)
        output, _ = backfill.communicate(timeout=FINISHED_WITHIN_S)
        document = json.loads(output)
        assert (backfill.returncode, document["done"]) == (0, RECORDINGS), output
        await_true(lambda: not ledger.counts("live").waiting, "the live ones are done", within_s=60)
        await_true(
            lambda: scraped(compose, 'gong_ingest_jobs{state="done"}') == len(recordings),
            "Prometheus knows of all of them",
            within_s=60,
        )
        record = ask(f"http://{compose.address_of('simulator', 'outside')}:8080", "/_record")
        evidence = evidence_of(
            recordings, record, client, ledger, namespace=NAMESPACE, requests_per_second=PER_SECOND
        )
    findings = audit(evidence)
    tell(
        f"containers {len(compose.containers())}, recordings {len(recordings)}, kills {kills}, "
        f"requests {len(evidence.arrivals_s)}, calls {len(evidence.calls)}, "
        f"429s {document['rate_limited']}, audit {findings or 'nothing found'}"
    )
    assert findings == []


def hand_over(compose: Compose) -> list[Recording]:
    """Write the recordings below the media root, and their manifest where the commands find it."""
    folder = compose.folder / "recordings"
    recordings = write_recordings(folder / "2026", [f"pbx-{number:04d}" for number in range(RECORDINGS)])
    manifest = write_manifest(folder / "calls.jsonl", recordings)
    manifest.rename(compose.folder / "manifests" / "calls.jsonl")
    return recordings


def hand_in_over_http(compose: Compose, batch: str) -> list[Recording]:
    """Hand recordings in from this machine: one whose media lies there, and one whose media is uploaded."""
    lying, sent = write_recordings(compose.folder / "recordings" / "live", [f"{batch}-a", f"{batch}-b"])
    url, rights = (
        f"http://127.0.0.1:{compose.port_of('api')}/calls",
        {"Authorization": f"Bearer {compose.token}"},
    )
    row = {"call": call_of(lying), "media": str(lying.path.relative_to(compose.folder / "recordings"))}
    with sent.path.open("rb") as media:
        form: dict[str, Any] = {
            "call": (None, json.dumps(call_of(sent)), "application/json"),
            "media": ("a.wav", media),
        }
        answers = [
            requests.post(url, json=row, headers=rights, timeout=60),
            requests.post(url, files=form, headers=rights, timeout=60),
        ]
    assert [answer.status_code for answer in answers] == [202, 202], [answer.text for answer in answers]
    sent.path.unlink()
    return [lying, sent]


def scraped(compose: Compose, expression: str) -> float:
    """Ask Prometheus for the value of an expression; -1 while it has none."""
    url = f"http://127.0.0.1:{compose.port_of('prometheus')}/api/v1/query"
    found = requests.get(url, params={"query": expression}, timeout=10).json()["data"]["result"]
    return float(found[0]["value"][1]) if found else -1.0


def wanted_pods(compose: Compose) -> float:
    """Ask what the chart's autoscaling asks while work is under way."""
    chart = yaml.safe_load((compose.folder / "ops/helm/gong-call-ingest/values.yaml").read_text("utf-8"))
    scaling: dict[str, Any] = chart["autoscaling"]
    processes: int = chart["workers"]["media"]["processes"]
    under_way, due = (scraped(compose, scaling[name]) for name in ("underWay", "due"))
    return min(under_way / (0.8 * processes), due)


def await_done(ledger: Ledger, count: int) -> None:
    await_true(lambda: ledger.counts("calls").done >= count, f"{count} are done", within_s=FINISHED_WITHIN_S)


def kill_worker(compose: Compose) -> int:
    """Kill a container with all that is in it; the others take its jobs over."""
    compose.docker("kill", "--signal", "KILL", compose.containers("media")[0])
    return 1


def crash_worker(compose: Compose) -> int:
    """Let a container's only service die by itself: the engine starts it again."""
    container = compose.containers("calls")[0]
    before = compose.inspect(container)["State"]["StartedAt"]
    # The first process of a container cannot be killed from within; what it waits for can.
    script = "import os; os.kill(int(open('/proc/1/task/1/children').read().split()[0]), 9)"
    compose.code_of(container, "python", "-c", script)
    await_true(
        lambda: compose.inspect(container)["State"]["StartedAt"] != before and compose.are_healthy("calls"),
        "the engine started it again",
        within_s=HEALTHY_WITHIN_S,
    )
    return 1


def kill_redis(compose: Compose) -> int:
    """Kill the ledger's server; what it had written is there when it is started again."""
    (container,) = compose.containers("redis")
    compose.docker("kill", "--signal", "KILL", container)
    compose.docker("start", container)
    return 1


def restart_redis(compose: Compose) -> int:
    """Restart the ledger's server as a person does."""
    compose.run("restart", "redis")
    return 0


def scale_down(compose: Compose) -> int:
    """Stop all workers for uploads but one; they hand back what they cannot finish."""
    compose.run("up", "-d", "--no-build", "--scale", "media=1", "media")
    return 0


def test_a_stopped_worker_ends_by_itself_within_its_grace(compose: Compose) -> None:
    containers = compose.containers("calls", "media")

    compose.run("stop", "calls", "media")

    codes = {compose.inspect(each)["State"]["ExitCode"] for each in containers}
    compose.run("start", "calls", "media")
    # 137 would be the engine's kill.
    assert codes == {0}
