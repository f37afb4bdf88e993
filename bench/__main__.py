"""Run the benchmarks: `python -m bench`, or some of them: `python -m bench virtual`.

All of them, at their full length, are written to `bench/RESULTS.md`; anything less is only printed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import click

from bench import limiter_compared, limiter_speed, limiter_virtual, results

SECTIONS = {
    "speed": "The script alone",
    "virtual": "In virtual time",
    "compared": "Beside the libraries one would use instead",
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SECTIONS)))
@click.option("--seconds", default=60.0, help="Length of each comparison.", show_default=True)
@click.option("--quick", is_flag=True, help="Take a fraction of the time, for a first look.")
def main(names: tuple[str, ...], *, seconds: float, quick: bool) -> None:
    """Measure the limiter; NAMES are those of the benchmarks to run, all without any."""
    sections = []
    for name in names or SECTIONS:
        began_at = time.monotonic()
        tables = []
        for table in _run(name, seconds=seconds, quick=quick):
            tables.append(table)
            click.echo(table.text())
        click.echo(f"({name}: {time.monotonic() - began_at:.0f} s)\n")
        sections.append((SECTIONS[name], tables))
    if not (names or quick):
        results.write(sections)


def _run(name: str, *, seconds: float, quick: bool) -> Iterable[results.Table]:
    if name == "speed":
        return limiter_speed.run(grants=(10_000,) if quick else (10_000, 1_000_000))
    if name == "virtual":
        return limiter_virtual.run(days=1.5, hours=0.5) if quick else limiter_virtual.run()
    return limiter_compared.run(seconds=10.0 if quick else seconds)


if __name__ == "__main__":
    main()
