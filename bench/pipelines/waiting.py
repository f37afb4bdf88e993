"""What a long backlog costs while the fleet works on it, beside a broker that holds all of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.contenders.ours import BATCH
from bench.pipelines.contenders import OURS, PLAIN, Contender
from bench.pipelines.place import Place, Recordings, make_body, place, recordings
from bench.processes import memory_bytes, processor_s
from bench.results import Table
from pipeline.job import Lane
from pipeline.recording import submission_of
from tests.chaos.fleet import Fleet

PROCESSES = 4
# Until so many are in, everything warms up; what is measured is from there to the last.
WARM_UP = 50
BUNDLE = 20_000
LOOK_INTERVAL_S, WITHIN_S = 0.05, 600.0
COLUMNS = (
    "",
    "waiting",
    "first one in after",
    "recordings a second",
    "own ms a recording",
    "server's ms",
    "server's commands",
    "worker's memory",
    "server's memory",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was used so far, by workers and server; and when that was."""

    at_s: float
    uploads: int
    own_s: float
    server_s: float
    commands: int


def waiting(
    *,
    lengths: tuple[int, ...] = (1_000, 100_000, 1_000_000),
    plain_lengths: tuple[int, ...] = (1_000, 5_000),
    count: int = 500,
) -> Iterator[Table]:
    """Let so many recordings wait, and measure while the first ones of them are brought in."""
    with recordings(count) as made:
        rows = [_row(OURS, made, length) for length in lengths]
        rows += [_row(PLAIN, made, length) for length in plain_lengths]
    notes = (
        f"One worker of {PROCESSES} processes; measured while {count - warm_up(count)} of the first "
        "recordings are brought in, of which the others wait behind. The server's commands are those within "
        "scripts too. In the plain pipeline a create stands behind every validation that waits, so nothing "
        "is in before all of them are created; the server's memory is what it holds before the workers start."
    )
    yield Table("A backlog that waits", notes, COLUMNS, rows)


def warm_up(count: int) -> int:
    """Say how many recordings come in before anything is measured."""
    return min(WARM_UP, count // 4)


def _row(contender: Contender, made: Recordings, length: int) -> tuple[str, ...]:
    with place(made) as here:
        _fill(contender, here, length)
        held_bytes = int(here.server.client.info("memory")["used_memory"])
        with contender.working(here, workers=1, concurrency=PROCESSES) as fleet:
            started_at = time.monotonic()
            first = _await_uploads(here, fleet, 1)
            before = _await_uploads(here, fleet, warm_up(made.count))
            after = _await_uploads(here, fleet, made.count)
            own_bytes = memory_bytes(sessions={worker.process.pid for worker in fleet.workers})
    uploads = after.uploads - before.uploads
    figures: Mapping[str, str] = {
        "rate": f"{uploads / (after.at_s - before.at_s):,.0f}",
        "own": f"{(after.own_s - before.own_s) / uploads * 1000:.1f}",
        "server": f"{(after.server_s - before.server_s) / uploads * 1000:.2f}",
        "commands": f"{(after.commands - before.commands) / uploads:.0f}",
    }
    if contender is PLAIN:
        figures = dict.fromkeys(figures, "")
    return (
        contender.name,
        f"{length:,}",
        f"{first.at_s - started_at:.1f} s",
        *figures.values(),
        f"{own_bytes / 2**20:,.0f} MiB",
        f"{held_bytes / 2**20:,.1f} MiB",
    )


def _fill(contender: Contender, here: Place, length: int) -> None:
    """Hand in the recordings that are there, and behind them others, which nobody comes to."""
    if contender is OURS:
        _submit(here, 0, here.recordings.count)
        for start in range(here.recordings.count, length, BUNDLE):
            _submit(here, start, min(start + BUNDLE, length))
        return
    with here.recordings.manifest.open("a", encoding="utf-8") as lines:
        for number in range(here.recordings.count, length):
            lines.write(json.dumps({"call": make_body(number), "media": "media/0.wav"}) + "\n")
    program = contender.program(here, PROCESSES)
    program.go()
    program.await_done()
    program.end()


def _submit(here: Place, start: int, end: int) -> None:
    submissions = [submission_of(make_body(each), f"media/{each}.wav") for each in range(start, end)]
    here.ledger.submit(submissions, batch=BATCH, lane=Lane.BACKFILL)


def _await_uploads(here: Place, fleet: Fleet, count: int) -> Seen:
    deadline = time.monotonic() + WITHIN_S
    while (uploads := here.requests("media").get("201", 0)) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{uploads} of {count} recordings were in after {WITHIN_S:.0f} s.")
        time.sleep(LOOK_INTERVAL_S)
    return Seen(
        time.monotonic(),
        uploads,
        processor_s(sessions={worker.process.pid for worker in fleet.workers}),
        processor_s(pids={here.server.process.pid}),
        int(here.server.client.info("stats")["total_commands_processed"]),
    )
