"""How long a person waits before anything happens: commands, a worker, the demo."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from bench.pipelines.place import NAMESPACE, place, recordings
from bench.results import Table
from pipeline.fleet import QUEUES
from pipeline.settings import Settings
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.waiting import await_true

WITHIN_S = 60.0
COLUMNS = ("", "median", "longest", "bound")
TRACED = "from pipeline.cli import main; main()"
# As for all who did not ask for the extra: it is among what benchmarks and tests are installed with, and
# redis-py imports its metrics wherever they are.
UNTRACED = "import sys; sys.modules['opentelemetry'] = None"
COMMAND = f"{UNTRACED}; {TRACED}"
# What no command can be quicker than, and none that asks a server.
ALONE = {"Python alone": UNTRACED, "Python with redis-py alone": f"{UNTRACED}; import redis"}


def startup(*, repeats: int = 7) -> Iterator[Table]:
    """Start each so often."""
    rows = [
        *(_row(what, _repeated(repeats, partial(_python_s, program))) for what, program in ALONE.items()),
        _row("gong-ingest --help", _repeated(repeats, lambda: _command_s("--help")), 0.25),
        _row("gong-ingest status", _status_s(repeats, COMMAND), 0.4),
        _row("the same where OpenTelemetry is installed", _status_s(repeats, TRACED), 0.4),
        _row("gong-ingest worker: all are ready", _repeated(max(1, repeats // 2), _worker_s), 3.0),
        _row("gong-ingest demo: its first request", _repeated(max(1, repeats // 2), _demo_s), 5.0),
    ]
    notes = (
        f"Each in processes of its own, from its start; {repeats} times, the last two half as often. The "
        f"command for workers starts one for each queue, each of {Settings().concurrency} processes: all are "
        "ready when both are members of the fleet. The demo is run without any option, and makes its "
        "recordings first. What Python and redis-py take alone tells how fast the machine is. "
        "redis-py imports OpenTelemetry's metrics where they are installed; README's commands install none."
    )
    yield Table("Start-up", notes, COLUMNS, rows)


def _row(what: str, times_s: list[float], bound_s: float | None = None) -> tuple[str, ...]:
    bound = "" if bound_s is None else f"{bound_s:g} s"
    return what, f"{median(times_s):.2f} s", f"{max(times_s):.2f} s", bound


def _repeated(times: int, act: Callable[[], float]) -> list[float]:
    return [act() for _ in range(times)]


def _python_s(program: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - began


def _command_s(*arguments: str) -> float:
    with tempfile.TemporaryDirectory() as folder, Machine(Path(folder) / "machine") as machine:
        began = time.perf_counter()
        machine.run(*arguments)
        return time.perf_counter() - began


def _status_s(repeats: int, program: str) -> list[float]:
    """Ask a server that runs how everything is, as often as was said."""
    with recordings(1, size_bytes=100) as made, place(made) as here:
        environment = here.environment()

        def once() -> float:
            began = time.perf_counter()
            command = [sys.executable, "-c", program, "status"]
            subprocess.run(command, env=environment, check=True, capture_output=True)
            return time.perf_counter() - began

        return _repeated(repeats, once)


def _worker_s() -> float:
    """Start workers as a person does, until all of them are members of the fleet."""
    with recordings(1, size_bytes=100) as made, place(made) as here:
        machine = Machine(
            made.folder / "machine",
            {
                "GONG_BASE_URL": here.simulator.url,
                "GONG_INGEST_REDIS_URL": here.server.url,
                "GONG_INGEST_NAMESPACE": NAMESPACE,
            },
        )
        with machine:
            began = time.perf_counter()
            worker = machine.start("worker")
            await_true(
                lambda: here.ledger.fleet().workers == len(QUEUES),
                "all workers are members of the fleet",
                within_s=WITHIN_S,
            )
            took_s = time.perf_counter() - began
            worker.interrupt(signal.SIGTERM)
            worker.finish()
            return took_s


def _demo_s() -> float:
    """Run the demo as without any option until its simulator, whose address it tells, has seen a request."""
    with tempfile.TemporaryDirectory() as folder, Machine(Path(folder) / "machine") as machine:
        began = time.perf_counter()
        demo = machine.start("demo", popen={"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL})
        said = demo.process.stderr.readline() if demo.process.stderr else ""
        simulator = Simulator(said.split()[-1], demo.process)
        await_true(lambda: simulator.health()["requests"], "the demo sends a request", within_s=WITHIN_S)
        took_s = time.perf_counter() - began
        demo.interrupt()
        demo.finish()
        return took_s
