"""All that lies in a small ledger at one moment, read past its scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pipeline.job import Counts, Lane, State, job_id_of
from tests.integration.ledger.bench import Bench

Scores = Mapping[str, float]
FIELDS = ("token", "step", "attempts", "run", "content")
Fields = tuple[int, str, int, str, str]


@dataclass(frozen=True, slots=True)
class Story:
    """The jobs of these names, the sets in which they stand, and the counts of these batches.

    Attributes:
        states: As the ledger tells them.
        records: Token, last step recorded, attempts, run and hash of the content of those that are not done.
        dead: By batch and '<step>:<code>'.
        cancelled: By batch and number.
    """

    states: Mapping[str, State]
    records: Mapping[str, Fields]
    due: Mapping[tuple[Lane, str], Scores]
    turns: Mapping[Lane, Scores]
    leases: Scores
    countdowns: Scores
    dead: Mapping[tuple[str, str], Scores]
    cancelled: Mapping[tuple[str, int], Scores]
    counts: Mapping[str, Counts]

    @classmethod
    def read(cls, bench: Bench, names: Sequence[str], batches: Sequence[str]) -> Self:
        """Read it in two round trips and one script."""
        ids = [job_id_of(name) for name in names]
        states = {job_id: state for job_id, state in zip(ids, bench.ledger.states(ids), strict=True) if state}
        open_ids = [job_id for job_id, state in states.items() if state is not State.DONE]
        with bench.server.client.pipeline() as pipe:
            for batch in batches:
                pipe.hgetall(bench.key(f"batch:{batch}"))
                pipe.smembers(bench.key(f"reasons:{batch}"))
            for job_id in open_ids:
                pipe.hmget(bench.key(f"job:{job_id}"), FIELDS)
            found: list[Any] = pipe.execute()
        fields = dict(zip(batches, found[: 2 * len(batches) : 2], strict=True))
        dead = [
            (batch, reason)
            for batch, reasons in zip(batches, found[1 : 2 * len(batches) : 2], strict=True)
            for reason in reasons
        ]
        cancelled = [
            (batch, number) for batch in batches for number in range(int(fields[batch].get("cancels", 0)) + 1)
        ]
        places = [(lane, batch) for lane in Lane for batch in batches]
        sets = iter(
            _read_sets(
                bench,
                [
                    *(f"due:{lane}:{batch}" for lane, batch in places),
                    *(f"turns:{lane}" for lane in Lane),
                    *(f"dead:{reason}:{batch}" for batch, reason in dead),
                    *(f"cancelled:{number}:{batch}" for batch, number in cancelled),
                    "leases",
                    "countdowns",
                ],
            )
        )
        return cls(
            states=states,
            records={
                job_id: (int(token), step, int(attempts), run or "", content)
                for job_id, (token, step, attempts, run, content) in zip(
                    open_ids, found[2 * len(batches) :], strict=True
                )
            },
            due={place: next(sets) for place in places},
            turns={lane: next(sets) for lane in Lane},
            dead={place: next(sets) for place in dead},
            cancelled={place: next(sets) for place in cancelled},
            leases=next(sets),
            countdowns=next(sets),
            counts={batch: Counts.from_fields(batch, fields[batch]) for batch in batches},
        )

    def of(self, job_id: str) -> tuple[Fields | None, float | None]:
        """Give what an operation may have changed about a job, beside its state."""
        return self.records.get(job_id), self.leases.get(job_id)

    def places(self) -> list[str]:
        """List the jobs in every set, as often as they are in one."""
        sets = (*self.due.values(), *self.dead.values(), *self.cancelled.values(), self.leases)
        return [job_id for scores in sets for job_id in scores]


def _read_sets(bench: Bench, names: Sequence[str]) -> list[Scores]:
    with bench.server.client.pipeline() as pipe:
        for name in names:
            pipe.zrange(bench.key(name), 0, -1, withscores=True)
        return [dict(members) for members in pipe.execute()]
