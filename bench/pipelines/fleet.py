"""How a fleet grows: processes that wait for answers, commands of a recording, what one server carries."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from bench.pipelines.commands import counted_commands
from bench.pipelines.contenders import OURS
from bench.pipelines.place import Place, place, recordings
from bench.pipelines.run import run
from bench.pipelines.simulated import Load, load
from bench.results import Table

LATENCY = "0.2-0.2"
LATENCY_S = 0.2
COMMANDS_MOST = 25
IDLE_WORKERS = 4


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
    yield _growth(sizes, each)
    commands = _commands(counted)
    yield commands
    yield _carried(simulated, simulated_each, idle_s)


def _growth(sizes: Sequence[int], each: int) -> Table:
    rates = []
    with recordings(max(sizes) * each) as made:
        for size in sizes:
            with place(made.first(size * each), latency=LATENCY) as here:
                rates.append(run(OURS, here, concurrency=size).per_second)
    rows = [
        (
            str(size),
            f"{rate:.2f}",
            f"{rate / size / (rates[0] / sizes[0]):.2f}",
            f"{rate / size * 2 * LATENCY_S:.2f}",
        )
        for size, rate in zip(sizes, rates, strict=True)
    ]
    notes = (
        f"One worker with so many processes, each answer after {LATENCY_S * 1000:.0f} ms, {each} recordings "
        "for each process. Efficiency is the rate of one process by that of the smallest fleet; the last "
        "column is the share of its time in which a process waits for the API: what lacks is all the rest."
    )
    columns = ("processes", "recordings a second", "efficiency", "share of time at the API")
    return Table("Processes that wait for answers", notes, columns, rows)


def _commands(count: int) -> Table:
    """Count what the server is sent: of many recordings without what a few take, which is the start."""
    few = max(1, count // 4)
    with recordings(count) as made:
        totals = []
        for number in (few, count):
            with place(made.first(number)) as here, counted_commands(here.server) as counter:
                run(OURS, here, concurrency=4)
            totals.append(counter)
    fewer, more = totals
    by_command = {name: (more[name] - fewer[name]) / (count - few) for name in more}
    # Who measures asks for the counts of the batch meanwhile, and for the fleet; that is left out here.
    rows = [
        (name, f"{by:.2f}")
        for name, by in sorted(by_command.items(), key=lambda pair: -pair[1])
        if by >= 0.05
    ]
    rows.append(("all of them", f"{sum(by_command.values()):.1f}"))
    notes = (
        f"Sent by workers and dispatcher for a recording, as the server shows them; at most {COMMANDS_MOST}."
    )
    return Table("Commands of a recording", notes, ("command", "a recording"), rows)


def _carried(simulated: int, each: int, idle_s: float) -> Table:
    with recordings(1) as made, place(made) as here:
        idle_share = _idle_share(here, idle_s)
    with recordings(1) as made, place(made) as here:
        came = load(here, workers=simulated, each=each)
    rows = _model(came, idle_share)
    notes = (
        f"{simulated} simulated workers run the scripts of whole recordings against one server, {each} each, "
        "without Celery, media and API. From that follows what one server carries when one processor is all "
        "it has; to take the three messages of a recording comes on top. At the API's default of 3 "
        "requests/s a company brings in 1.5 recordings a second, so the API is the first bottleneck, by far; "
        "without it the processors of the workers are, and the server after them."
    )
    return Table("What one server carries", notes, ("", "measured or computed"), rows)


def _model(came: Load, idle_share: float) -> list[tuple[str, str]]:
    carried = 1000 / came.server_ms
    return [
        ("recordings a second, with these workers", f"{came.per_second:,.0f}"),
        ("the server was busy for", f"{came.busy:.0%}"),
        ("the server's ms a recording", f"{came.server_ms:.2f}"),
        ("so one server carries, in recordings a second", f"{carried:,.0f}"),
        ("of what the API allows by default", f"{carried / 1.5:,.0f} times"),
        ("share of the server for a worker that waits", f"{idle_share:.3%}"),
        ("so workers that wait take half a server when there are", f"{0.5 / max(idle_share, 1e-6):,.0f}"),
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
