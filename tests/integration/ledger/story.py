"""All that lies in a small ledger at one moment, and what must be true of it at every moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pipeline.job import Counts, Lane, State, job_id_of
from tests.integration.ledger.bench import STATES, Bench

STEPS = ("", "validated", "created", "uploaded")


@dataclass(frozen=True, slots=True)
class Story:
    """The jobs of these names, the sets in which they stand, and the counts of these batches."""

    jobs: Mapping[str, Mapping[str, str]]
    due: Mapping[tuple[Lane, str], Mapping[str, float]]
    turns: Mapping[Lane, Mapping[str, float]]
    leases: Mapping[str, float]
    dead: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, Counts]
    now_ms: float

    @classmethod
    def read(cls, bench: Bench, names: Sequence[str], batches: Sequence[str]) -> Self:
        """Read it in one round trip."""
        ids = [job_id_of(name) for name in names]
        places = [(lane, batch) for lane in Lane for batch in batches]
        with bench.server.client.pipeline() as pipe:
            for job_id in ids:
                pipe.hgetall(bench.key(f"job:{job_id}"))
            for batch in batches:
                pipe.hgetall(bench.key(f"batch:{batch}"))
            sets = [*(f"due:{lane}:{batch}" for lane, batch in places), *(f"turns:{lane}" for lane in Lane)]
            for key in [*sets, *(f"dead:{batch}" for batch in batches), "leases"]:
                pipe.zrange(bench.key(key), 0, -1, withscores=True)
            found: list[Any] = pipe.execute()

        def take(count: int) -> list[Any]:
            taken, found[:] = found[:count], found[count:]
            return taken

        return cls(
            jobs={job_id: job for job_id, job in zip(ids, take(len(ids)), strict=True) if job},
            counts={
                batch: Counts.from_fields(batch, values)
                for batch, values in zip(batches, take(len(batches)), strict=True)
            },
            due=dict(zip(places, map(dict, take(len(places))), strict=True)),
            turns=dict(zip(Lane, map(dict, take(len(Lane))), strict=True)),
            dead=dict(zip(batches, map(dict, take(len(batches))), strict=True)),
            leases=dict(take(1)[0]),
            now_ms=bench.clock.now_s * 1000,
        )

    def check(self) -> None:
        """Hold it to what must be true of it."""
        self._check_places()
        self._check_turns()
        for batch in self.counts:
            self._check_counts(batch)

    def ids(self, state: State) -> list[str]:
        """List the jobs in a state."""
        return sorted(job_id for job_id, job in self.jobs.items() if job["state"] == state)

    def _check_places(self) -> None:
        """A pending job is due, an active one leased, a dead one a dead letter; and nobody else is."""
        assert sorted(job_id for place in self.due.values() for job_id in place) == self.ids(State.PENDING)
        assert sorted(job_id for letters in self.dead.values() for job_id in letters) == self.ids(State.DEAD)
        assert sorted(self.leases) == self.ids(State.ACTIVE)
        for (lane, batch), place in self.due.items():
            assert {(self.jobs[job_id]["lane"], self.jobs[job_id]["batch"]) for job_id in place} <= {
                (lane, batch)
            }

    def _check_turns(self) -> None:
        """A batch with pending jobs has its turn when the first of them is due, or now if that is later."""
        for (lane, batch), place in self.due.items():
            if place:
                assert self.turns[lane][batch] <= max(min(place.values()), self.now_ms)

    def _check_counts(self, batch: str) -> None:
        """The counts are those of the jobs."""
        own = [job for job in self.jobs.values() if job["batch"] == batch]
        counts = self.counts[batch]
        assert counts.total == len(own)
        assert {state: getattr(counts, state) for state in STATES} == {
            state: sum(job["state"] == state for job in own) for state in STATES
        }
        assert counts.created == sum(STEPS.index(job["step"]) >= 2 for job in own)
        assert counts.uploaded == sum(job["step"] == "uploaded" for job in own)
        assert counts.adopted == sum(job.get("adopted") == "1" for job in own)
