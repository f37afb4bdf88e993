"""Run the benchmarks: `python -m bench`, or some of them: `python -m bench virtual`.

Each, at its full length, is written to its place in `bench/RESULTS.md`; what `--quick` says is only printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import click

from bench import (
    api,
    backlog,
    control,
    enqueue,
    events,
    limiter_speed,
    limiter_virtual,
    live,
    pages,
    pipelines,
    preflight,
    results,
    sizing,
    upload,
    week,
)
from bench.comparison import committed, regressions
from bench.limiter_compared import tables

SECTIONS = {
    "throughput": "Throughput beside what one would use instead",
    "limits": "Under the limits, and killed in the middle",
    "waiting": "A long backlog, worked on",
    "fleet": "A fleet that grows",
    "latency": "From enqueue to the request",
    "startup": "Starting",
    "sizing": "What a fleet needs",
    "week": "Weeks in minutes",
    "speed": "The script alone",
    "virtual": "In virtual time",
    "compared": "Beside the libraries one would use instead",
    "backlog": "A long backlog",
    "control": "A ledger of a million jobs",
    "enqueue": "Recordings from other systems",
    "live": "Live recordings beside a backfill",
    "pages": "Pages in Flower",
    "api": "Recordings over HTTP",
    "events": "Events",
    "preflight": "The preflight",
    "upload": "Uploads beside curl",
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SECTIONS)))
@click.option("--seconds", default=60.0, help="Length of each comparison at 3 requests/s.", show_default=True)
@click.option("--quick", is_flag=True, help="Take a fraction of the time, for a first look.")
@click.option("--compare", is_flag=True, help="Write nothing, and say only what became worse.")
def main(names: tuple[str, ...], *, seconds: float, quick: bool, compare: bool) -> None:
    """Measure the pipeline and its parts; NAMES are those of the benchmarks, all without any.

    Ratios that are worse by more than a fifth than those of the last commit are told.
    """
    for name in names or SECTIONS:
        began_at = time.monotonic()
        made = []
        for table in _run(name, seconds=seconds, quick=quick):
            made.append(table)
            click.echo(table.text())
        click.echo(f"({name}: {time.monotonic() - began_at:.0f} s)\n")
        for worse in () if quick else regressions(committed(SECTIONS[name]), made):
            click.echo(f"WORSE than before: {worse}", err=True)
        if not quick and not compare:
            results.write(SECTIONS[name], made, titles=list(SECTIONS.values()))


def _run(name: str, *, seconds: float, quick: bool) -> Iterable[results.Table]:
    runs: dict[str, Callable[[], Iterable[results.Table]]] = {
        "throughput": lambda: pipelines.throughput(count=200, turns=1) if quick else pipelines.throughput(),
        "limits": lambda: pipelines.limits(count=60) if quick else pipelines.limits(),
        "waiting": lambda: (
            pipelines.waiting(lengths=(1_000, 20_000), plain_lengths=(200,), plain_held=(400,), count=120)
            if quick
            else pipelines.waiting()
        ),
        "fleet": lambda: (
            pipelines.fleet(sizes=(1, 2), each=5, counted=80, simulated=40, simulated_each=5, idle_s=2.0)
            if quick
            else pipelines.fleet()
        ),
        "latency": lambda: pipelines.latency(count=10) if quick else pipelines.latency(),
        "startup": lambda: pipelines.startup(repeats=1) if quick else pipelines.startup(),
        "sizing": lambda: sizing.sizing(sizes=(1, 2), processes=(5,)) if quick else sizing.sizing(),
        "week": lambda: week.week(count=2_000) if quick else week.week(),
        "speed": lambda: limiter_speed.run(grants=(10_000,) if quick else (10_000, 1_000_000)),
        "virtual": lambda: limiter_virtual.run(days=1.5, hours=0.5) if quick else limiter_virtual.run(),
        "compared": lambda: tables.run(seconds=10.0 if quick else seconds),
        "backlog": lambda: backlog.run(rows=20_000, finished=5_000, turns=3) if quick else backlog.run(),
        "control": lambda: control.run(jobs=20_000 if quick else 1_000_000),
        "enqueue": lambda: enqueue.run(rows=4_000, turns=3) if quick else enqueue.run(),
        "events": lambda: events.run(jobs=50, turns=40) if quick else events.run(),
        "live": lambda: live.run(jobs=20_000, live=20) if quick else live.run(jobs=1_000_000, live=100),
        "pages": lambda: pages.run(jobs=20_000 if quick else 1_000_000),
        "api": lambda: api.run(seconds=4.0, turns=2) if quick else api.run(),
        "preflight": lambda: preflight.run(rows=100_000 if quick else 1_000_000),
        "upload": lambda: upload.run(quick=quick),
    }
    return runs[name]()


if __name__ == "__main__":
    main()
