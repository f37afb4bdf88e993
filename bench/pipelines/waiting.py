"""What a long backlog costs while the fleet works on it, beside a broker that holds all of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import median

from bench.contenders.ours import BATCH
from bench.pipelines.contenders import OURS, PLAIN
from bench.pipelines.place import Place, Recordings, make_body, place, recordings
from bench.processes import memory_bytes, processor_s
from bench.results import Table
from pipeline.job import Lane
from pipeline.recording import submission_of
from tests.chaos.fleet import Fleet
from tests.waiting import await_true

PROCESSES = 4
# Until so many are in, everything warms up; what is measured is from there to the last.
WARM_UP = 50
BUNDLE = 20_000
# If it is there: what most people run.
DEBIANS = "redis-server"
LOOK_INTERVAL_S, WITHIN_S = 0.05, 600.0
COLUMNS = (
    "",
    "waiting",
    "first one in after",
    "recordings a second",
    "by the shortest",
    "own ms a recording",
    "of it dispatching, taking messages",
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
    parents_s: float
    server_s: float
    commands: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What one worker did, from its start to its end."""

    started_at_s: float
    first: Seen
    warm: Seen
    last: Seen
    own_bytes: int

    @property
    def first_after_s(self) -> float:
        """Give the time until the first one was in."""
        return self.first.at_s - self.started_at_s

    @property
    def uploads(self) -> int:
        """Count the recordings that are measured."""
        return self.last.uploads - self.warm.uploads

    @property
    def per_second(self) -> float:
        """Give the recordings a second."""
        return self.uploads / (self.last.at_s - self.warm.at_s)


@dataclass(slots=True)
class Backlog:
    """Recordings that wait in a place of their own, as many at the beginning of each turn.

    Those that a turn may come to have media; of all others it is not there.

    Attributes:
        on: The server's program.
    """

    here: Place
    length: int
    on: str
    held_bytes: int = 0
    handed_in: int = 0
    turns: list[Turn] = field(default_factory=list)

    def fill(self) -> None:
        """Hand in what lacks."""
        lacking = self.length - self.here.ledger.backlog(Lane.BACKFILL)
        end = self.handed_in + lacking
        for start in range(self.handed_in, end, BUNDLE):
            numbers = range(start, min(start + BUNDLE, end))
            submissions = [submission_of(make_body(each), f"media/{each}.wav") for each in numbers]
            self.here.ledger.submit(submissions, batch=BATCH, lane=Lane.BACKFILL)
        self.handed_in = end
        self.held_bytes = self.held_bytes or _held_bytes(self.here)

    def take_turn(self, count: int) -> None:
        """Let a worker bring in so many recordings, and more while it stops."""
        with OURS.working(self.here, workers=1, concurrency=PROCESSES) as fleet:
            self.turns.append(_turn(self.here, fleet, count))
            for worker in fleet.workers:
                worker.terminate()
                worker.process.wait(WITHIN_S)


def waiting(
    *,
    lengths: tuple[int, ...] = (1_000, 100_000, 1_000_000),
    plain_lengths: tuple[int, ...] = (1_000, 5_000),
    plain_held: tuple[int, ...] = (100_000,),
    count: int = 500,
    turns: int = 7,
) -> Iterator[Table]:
    """Let so many recordings wait, and measure in each turn while the first ones of them are brought in."""
    with recordings(2 * count * turns) as made:
        rows = [
            *_ours(made, lengths, count, turns),
            *(_plain(made, length, count) for length in plain_lengths),
            *(_plain(made, length, count, is_worked_on=False) for length in plain_held),
        ]
    notes = (
        f"One worker of {PROCESSES} processes; measured while {count - warm_up(count)} of the first "
        f"recordings are brought in, of which the others wait behind; medians of {turns} turns, in each of "
        "which every length is worked on once, by a worker of its own, and of the ratios within each. The "
        "server's commands are those within scripts too. The parent of a worker's processes dispatches and "
        "takes messages. In the plain pipeline a create stands behind every validation that waits, so "
        "nothing is in before all of them are created: once each, and with the longest only what its broker "
        "holds. The server's memory is what it holds before the workers start. Where Debian's redis-server "
        "is installed, it is measured too: with libc's allocator, what a script needs for a moment lies "
        "where jobs left room when they were handed in, scattered over all memory."
    )
    yield Table("A backlog that waits", notes, COLUMNS, rows)


def warm_up(count: int) -> int:
    """Say how many recordings come in before anything is measured."""
    return min(WARM_UP, count // 4)


def _ours(made: Recordings, lengths: Sequence[int], count: int, turns: int) -> Iterator[Sequence[str]]:
    programs = ["", *filter(None, [shutil.which(DEBIANS)])]
    with ExitStack() as stack:
        backlogs = [
            Backlog(stack.enter_context(place(made, program=program)), length, program)
            for program in programs
            for length in lengths
        ]
        for turn in range(turns):
            for each in backlogs:
                each.fill()
            await_true(
                lambda: all(_is_settled(each.here) for each in backlogs), "all is written", within_s=WITHIN_S
            )
            start = turn % len(backlogs)
            for each in backlogs[start:] + backlogs[:start]:
                each.take_turn(count)
        for each in backlogs:
            yield _row(each, next(other for other in backlogs if other.on == each.on))


def _row(backlog: Backlog, shortest: Backlog) -> Sequence[str]:
    def middle(figure: Callable[[Turn], float]) -> float:
        return median(map(figure, backlog.turns))

    pairs = zip(backlog.turns, shortest.turns, strict=True)
    ratio = median(turn.per_second / other.per_second for turn, other in pairs)
    memory = backlog.here.server.client.info("memory")
    return (
        f"{OURS.name}, on {_named(backlog.here)} with {memory['mem_allocator']}",
        f"{backlog.length:,}",
        f"{middle(lambda it: it.first_after_s):.1f} s",
        f"{middle(lambda it: it.per_second):,.0f}",
        "" if backlog is shortest else f"{ratio:.2f}",
        f"{middle(lambda it: (it.last.own_s - it.warm.own_s) / it.uploads * 1000):.1f}",
        f"{middle(lambda it: (it.last.parents_s - it.warm.parents_s) / it.uploads * 1000):.1f}",
        f"{middle(lambda it: (it.last.server_s - it.warm.server_s) / it.uploads * 1000):.2f}",
        f"{middle(lambda it: (it.last.commands - it.warm.commands) / it.uploads):.0f}",
        f"{middle(lambda it: it.own_bytes) / 2**20:,.0f} MiB",
        f"{backlog.held_bytes / 2**20:,.1f} MiB",
    )


def _plain(made: Recordings, length: int, count: int, *, is_worked_on: bool = True) -> Sequence[str]:
    """Let the plain pipeline bring in so many recordings, with others behind, or only hold all of them."""
    listed = replace(made, count=length)
    with listed.manifest.open("w", encoding="utf-8") as lines:
        for number in range(length):
            path = f"media/{min(number, count)}.wav"
            lines.write(json.dumps({"call": make_body(number), "media": path}) + "\n")
    with place(listed) as here:
        program = PLAIN.program(here, PROCESSES)
        program.go()
        program.await_done()
        program.end()
        held = f"{_held_bytes(here) / 2**20:,.1f} MiB"
        first_after, own = "", ""
        if is_worked_on:
            with PLAIN.working(here, workers=1, concurrency=PROCESSES) as fleet:
                turn = _turn(here, fleet, count)
            first_after, own = f"{turn.first_after_s:.1f} s", f"{turn.own_bytes / 2**20:,.0f} MiB"
    return PLAIN.name, f"{length:,}", first_after, *[""] * (len(COLUMNS) - 5), own, held


def _turn(here: Place, fleet: Fleet, count: int) -> Turn:
    started_at_s = time.monotonic()
    before = _uploads(here)
    first = _await_uploads(here, fleet, before + 1)
    warm = _await_uploads(here, fleet, before + warm_up(count))
    last = _await_uploads(here, fleet, before + count)
    own_bytes = memory_bytes(sessions={worker.process.pid for worker in fleet.workers})
    return Turn(started_at_s, first, warm, last, own_bytes)


def _named(here: Place) -> str:
    server = here.server.client.info("server")
    return (
        f"Valkey {valkey}" if (valkey := server.get("valkey_version")) else f"Redis {server['redis_version']}"
    )


def _held_bytes(here: Place) -> int:
    return int(here.server.client.info("memory")["used_memory"])


def _uploads(here: Place) -> int:
    return here.requests("media").get("201", 0)


def _is_settled(here: Place) -> bool:
    return not here.server.client.info("persistence")["aof_rewrite_in_progress"]


def _await_uploads(here: Place, fleet: Fleet, count: int) -> Seen:
    deadline = time.monotonic() + WITHIN_S
    while (uploads := _uploads(here)) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{uploads} of {count} recordings were in after {WITHIN_S:.0f} s.")
        time.sleep(LOOK_INTERVAL_S)
    return Seen(
        time.monotonic(),
        uploads,
        processor_s(sessions={worker.process.pid for worker in fleet.workers}),
        processor_s(pids={worker.process.pid for worker in fleet.workers}),
        processor_s(pids={here.server.process.pid}),
        int(here.server.client.info("stats")["total_commands_processed"]),
    )
