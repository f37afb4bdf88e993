"""How a fleet grows: processes that wait for answers, commands of a recording, what one server carries."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.pipelines.commands import counted_commands
from bench.pipelines.contenders import OURS
from bench.pipelines.place import Place, place, recordings
from bench.pipelines.run import Run, run
from bench.pipelines.simulated import Load, load
from bench.results import Table
from pipeline.settings import Settings

LATENCY = "0.2-0.2"
LATENCY_S = 0.2
REQUESTS = 2
RUNS = 3
COMMANDS_MOST = 25
# A row of its own has who is sent so often for a recording.
SHOWN = 0.05
IDLE_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Model:
    """What the pipeline takes, from which follows what is full first.

    Attributes:
        own_ms: Of the workers' processors, and of the program that hands in, for a recording.
        server_ms: Of the server's processor for a recording.
        idle: Share of the server's processor for a worker that has nothing to do.
    """

    own_ms: float
    server_ms: float
    idle: float

    @classmethod
    def of(cls, runs: Sequence[Run], idle: float) -> Model:
        """Take it from runs of the whole pipeline."""
        count = sum(each.recordings for each in runs)
        own_s, server_s = sum(each.own_s for each in runs), sum(each.server_s for each in runs)
        return cls(own_s / count * 1000, server_s / count * 1000, idle)

    def busy(self, per_second: float) -> float:
        """Predict the share of the server's processor that so many recordings a second take."""
        return per_second * self.server_ms / 1000


def fleet(
    *,
    sizes: Sequence[int] = (1, 2, 4, 8),
    each: int = 20,
    counted: int = 200,
    simulated: int = 200,
    simulated_each: int = 20,
    idle_s: float = 10.0,
) -> Iterator[Table]:
    """Measure fleets of these sizes, with so many recordings for each process; then the server alone."""
    runs = _runs(sizes, each)
    yield _growth(runs, each)
    yield _commands(counted)
    yield _carried(runs[max(sizes)], simulated, simulated_each, idle_s)


def _runs(sizes: Sequence[int], each: int) -> dict[int, list[Run]]:
    """Bring in so many recordings for each process, some times with each number of processes."""
    runs: dict[int, list[Run]] = {size: [] for size in sizes}
    with recordings(max(sizes) * each) as made:
        for _ in range(RUNS):
            for size in sizes:
                with place(made.first(size * each), latency=LATENCY) as here:
                    runs[size].append(run(OURS, here, concurrency=size))
    return runs


def _growth(runs: dict[int, list[Run]], each: int) -> Table:
    rates = {size: median(came.per_second for came in of) for size, of in runs.items()}
    smallest = min(rates)
    rows = [
        (
            str(size),
            f"{rate:.2f}",
            f"{rate / size / (rates[smallest] / smallest):.2f}",
            f"{rate / size * REQUESTS * LATENCY_S:.2f}",
        )
        for size, rate in rates.items()
    ]
    notes = (
        f"One worker with so many processes, each answer after {LATENCY_S * 1000:.0f} ms, {each} recordings "
        f"for each process; medians of {RUNS} runs, from when workers and pace are ready until the last "
        "recording is in. Efficiency is the rate of one process by that of the smallest fleet. The last "
        f"column is the share of the time in which a process waits out these {LATENCY_S * 1000:.0f} ms of "
        f"its {REQUESTS} requests. What lacks is the work of workers, server and simulator, what a process "
        "waits for messages and slots, and that not every process has a recording at the start and the end."
    )
    columns = ("processes", "recordings a second", "efficiency", "share of time at the API")
    return Table("Processes that wait for answers", notes, columns, rows)


def _commands(count: int) -> Table:
    """Count what the server is sent: of many recordings without what a few take, which is the start."""
    few = max(1, count // 4)
    with recordings(count) as made:
        totals = []
        for number in (few, count):
            with place(made.first(number)) as here, counted_commands(here) as (watched, counter):
                run(OURS, watched, concurrency=4)
            totals.append(counter)
    fewer, more = totals
    notes = (
        "Sent for a recording by workers, their dispatchers and the program that hands in, as the server "
        f"shows them; at most {COMMANDS_MOST}. What a few recordings take is subtracted, so that the start "
        f"is left out; who measures is not counted. Others are those below {SHOWN:g}, with their signs."
    )
    return Table(
        "Commands of a recording", notes, ("command", "a recording"), _sent(fewer, more, count - few)
    )


def _sent(fewer: Counter[str], more: Counter[str], count: int) -> list[tuple[str, str]]:
    """Give the rows, whose sum is the last of them."""
    by_command = {name: (more[name] - fewer[name]) / count for name in fewer.keys() | more.keys()}
    shown = {name: by for name, by in by_command.items() if abs(by) >= SHOWN}
    total = sum(by_command.values())
    rows = sorted(shown.items(), key=lambda pair: -pair[1])
    rows += [("others", total - sum(shown.values())), ("all of them", total)]
    return [(name, f"{by:.2f}") for name, by in rows]


def _carried(runs: Sequence[Run], simulated: int, each: int, idle_s: float) -> Table:
    with recordings(1) as made, place(made) as here:
        model = Model.of(runs, _idle_share(here, idle_s))
    with recordings(1) as made, place(made) as here:
        came = load(here, workers=simulated, each=each)
    allowed = Settings().requests_per_second / REQUESTS
    carried = {
        f"the API, by default {allowed * REQUESTS:g} requests/s": allowed,
        "one processor of workers": 1000 / model.own_ms,
        "one server": 1000 / model.server_ms,
    }
    in_order = ", then ".join(
        f"{what} ({carried[what]:,.3g})" for what in sorted(carried, key=carried.__getitem__)
    )
    notes = (
        "Computed from the largest fleet above, which brings recordings in with Celery, media and API, and "
        f"from {IDLE_WORKERS} workers of one process without anything to do; what the measurement itself "
        f"asks of the server is in it. Measured as a check: {simulated} simulated workers, each with a "
        f"connection of its own, run the scripts of whole recordings against one server, {each} each. Their "
        "load is the smaller one: it lacks Celery's messages, which are published but not taken, and what "
        f"workers send to stay in the fleet. Full first, with so many recordings a second: {in_order}."
    )
    rows = [
        *_rows(model, came, simulated),
        *((f"recordings/s of {what}", f"{most:,.3g}", "") for what, most in carried.items()),
    ]
    return Table("What one server carries", notes, ("", "computed", "measured"), rows)


def _rows(model: Model, came: Load, simulated: int) -> list[tuple[str, str, str]]:
    return [
        ("the server's ms a recording", f"{model.server_ms:.2f}", f"{came.server_ms:.2f}"),
        (
            f"share of the server at {came.per_second:,.0f} recordings/s",
            f"{model.busy(came.per_second):.0%}",
            f"{came.busy:.0%}",
        ),
        ("share of the server for a worker that waits", f"{model.idle:.3%}", ""),
        (f"share of the server if {simulated} workers wait", f"{model.idle * simulated:.0%}", ""),
        ("the workers' ms a recording", f"{model.own_ms:.1f}", ""),
        ("processors of workers that fill one server", f"{model.own_ms / model.server_ms:.1f}", ""),
    ]


def _idle_share(here: Place, idle_s: float) -> float:
    """Give the share of a processor that the server takes for one worker without anything to do."""
    with OURS.working(here, workers=IDLE_WORKERS, concurrency=1):
        before_s = _server_s(here)
        time.sleep(idle_s)
        return (_server_s(here) - before_s) / idle_s / IDLE_WORKERS


def _server_s(here: Place) -> float:
    used = here.server.client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])
