"""Throughput with the limits lifted, beside what one would use instead; all by turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from bench.pipelines.contenders import CHAIN, OURS, PLAIN, PLAIN_TOLD, SCRIPT, Contender
from bench.pipelines.place import MEDIA_BYTES, Recordings, place, recordings
from bench.pipelines.run import Run, run
from bench.results import Table

CONTENDERS = (OURS, CHAIN, PLAIN, PLAIN_TOLD, SCRIPT)
# What gong-ingest is to reach of each, at least.
BOUNDS = {CHAIN: 0.5, PLAIN: 1.5, SCRIPT: 0.5}
PROCESSES = 4
COLUMNS = (
    "",
    "recordings a second",
    "gong-ingest by it",
    "asked for",
    "processor ms a recording",
    "gong-ingest by it, by processor time",
    "server's ms",
    "simulator's ms",
    "simulator busy",
)


def throughput(*, count: int = 2_000, turns: int = 3) -> Iterator[Table]:
    """Bring so many recordings in by each of them, in so many turns."""
    with recordings(count) as made:
        runs = _by_turns(made, turns)
    notes = (
        f"{count:,} recordings of {MEDIA_BYTES // 1000} kB, handed in when the workers are ready; one worker "
        f"of {PROCESSES} processes, or {PROCESSES} threads; medians of {turns} turns, and of the ratios "
        "within each. Processor time is that of all processes of a contender, and of the server; by it, with "
        "that of the simulator, the ratio is what would come of a machine that does nothing else. The "
        "simulator is one process: where it is busy for nearly all of the time, it limits the rest. Of the "
        "others only those that are said to be watched tell Flower of their tasks, as gong-ingest does."
    )
    yield Table(
        "Throughput with the limits lifted", notes, COLUMNS, [_row(each, runs) for each in CONTENDERS]
    )


def _by_turns(made: Recordings, turns: int) -> dict[str, list[Run]]:
    """Let each run once a turn, in an order that begins with another one each time."""
    runs: dict[str, list[Run]] = {each.name: [] for each in CONTENDERS}
    for turn in range(turns):
        start = turn % len(CONTENDERS)
        for contender in CONTENDERS[start:] + CONTENDERS[:start]:
            with place(made) as here:
                runs[contender.name].append(run(contender, here, concurrency=PROCESSES))
    return runs


def _row(contender: Contender, runs: dict[str, list[Run]]) -> Sequence[str]:
    theirs, ours = runs[contender.name], runs[OURS.name]

    def middle(figure: Callable[[Run], float]) -> float:
        return median(map(figure, theirs))

    def ratio(figure: Callable[[Run, Run], float]) -> str:
        if contender is OURS:
            return ""
        return f"{median(map(figure, ours, theirs)):.2f}"

    return (
        contender.name,
        f"{middle(lambda it: it.per_second):,.0f}",
        ratio(lambda it, other: it.per_second / other.per_second),
        f"{BOUNDS[contender]:g}" if contender in BOUNDS else "",
        f"{middle(lambda it: it.processor_ms):.2f}",
        ratio(lambda it, other: other.all_ms / it.all_ms),
        f"{middle(lambda it: it.server_s / it.recordings * 1000):.2f}",
        f"{middle(lambda it: it.simulator_s / it.recordings * 1000):.2f}",
        f"{middle(lambda it: it.simulator_busy):.0%}",
    )
