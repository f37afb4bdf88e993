"""One run of one contender: how long it took, and what everything that took part in it used."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.pipelines.contenders import OURS, Contender, Program
from bench.pipelines.place import Place
from bench.processes import processor_s
from pipeline.job import Lane
from pipeline.limiter import Slot
from tests.chaos.fleet import Fleet
from tests.waiting import await_true

WITHIN_S = 300.0
# A slot that is no further away is there at once.
AT_ONCE_S = 0.1


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time so far, in seconds: of the contender's processes, of the server, of the simulator."""

    own_s: float
    server_s: float
    simulator_s: float

    @classmethod
    def of(cls, place: Place, fleet: Fleet, program: Program) -> Usage:
        """Read it now."""
        sessions = {program.session, *(worker.process.pid for worker in fleet.workers)}
        return cls(
            processor_s(sessions=sessions),
            processor_s(pids={place.server.process.pid}),
            processor_s(pids={place.simulator.process.pid}),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it, a recording."""

    recordings: int
    seconds: float
    own_s: float
    server_s: float
    simulator_s: float

    @property
    def per_second(self) -> float:
        """Give the recordings a second."""
        return self.recordings / self.seconds

    @property
    def processor_ms(self) -> float:
        """Give the processor time of contender and server for a recording, in milliseconds."""
        return (self.own_s + self.server_s) / self.recordings * 1000

    @property
    def all_ms(self) -> float:
        """Give the same with that of the simulator: what a recording takes of this machine."""
        return self.processor_ms + self.simulator_s / self.recordings * 1000

    @property
    def simulator_busy(self) -> float:
        """Give the share of one processor that the simulator used: near 1 it is what limits the rest."""
        return self.simulator_s / self.seconds


def run(contender: Contender, place: Place, *, workers: int = 1, concurrency: int) -> Run:
    """Bring all recordings in, from when workers, program and pace are ready.

    Raises:
        TimeoutError: They were not in within five minutes.
    """
    with contender.working(place, workers=workers, concurrency=concurrency) as fleet:
        program = contender.program(place, concurrency)
        if contender is OURS:
            # A pace that nothing is known of begins with a second of silence, once in the life of a server.
            await_true(lambda: _is_paced(place), "the pace has begun", within_s=5)
        before, began = Usage.of(place, fleet, program), time.monotonic()
        program.go()
        _await_finished(contender, program, place)
        seconds, after = time.monotonic() - began, Usage.of(place, fleet, program)
        program.end()
    return Run(
        place.recordings.count,
        seconds,
        after.own_s - before.own_s,
        after.server_s - before.server_s,
        after.simulator_s - before.simulator_s,
    )


def _is_paced(place: Place) -> bool:
    slot = place.limiter.look(Lane.BACKFILL)
    return isinstance(slot, Slot) and slot.wait_s < AT_ONCE_S


def _await_finished(contender: Contender, program: Program, place: Place) -> None:
    program.await_done()
    deadline = time.monotonic() + WITHIN_S
    while contender.finished and contender.finished(place) < place.recordings.count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{contender.name} was not done within {WITHIN_S:.0f} s.")
        time.sleep(contender.look_interval_s)
