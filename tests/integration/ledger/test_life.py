"""A job's whole life: whatever happens in whatever order, the ledger stays one story.

Seeded walks of random operations, among them those of attempts that lost their lease long ago. After each the
ledger is what `story.py` demands; every change of state stands in `job.TRANSITIONS`, and in the end every
line of that table was seen; what is refused has changed nothing; steps recorded and lease tokens only grow.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import TypeVar

from pipeline.errors import LeaseLost
from pipeline.job import TRANSITIONS, Claim, Held, Lane, Reason, State, Step, job_id_of
from pipeline.store import Store
from tests.integration.ledger.bench import LEASE_TTL_S, Bench, make_wait
from tests.integration.ledger.story import STEPS, Story
from tests.servers import Server

NAMES = tuple("abcdefghijkl")
BATCHES = ("one", "two")
SEEDS, OPERATIONS = range(10), 300
EDGES = {
    (operation, state, reached)
    for operation, rows in TRANSITIONS.items()
    for state, ends in rows.items()
    for reached in ends
}

Edge = tuple[str, State | None, State]
Anything = TypeVar("Anything")


class Walk:
    """One ledger under random operations; `seen` collects the changes of state."""

    def __init__(self, server: Server, seed: int, seen: set[Edge]) -> None:
        namespace = f"life-{uuid.uuid4().hex[:12]}"
        self.bench = Bench(server, namespace, Store(server.url, namespace), attempts_max=2)
        self.random = Random(seed)
        self.seen = seen
        self.claims: list[Claim] = []
        self.held: list[Held] = []
        self.story = self.read()
        # What brings jobs on is more frequent than what ends them.
        self.operations: dict[Callable[[], None], int] = {
            self.submit: 3,
            self.claim: 6,
            self.begin_step: 8,
            self.record_step: 4,
            self.postpone: 4,
            self.bury: 2,
            self.renew: 1,
            self.note_request: 1,
            self.give_back: 1,
            self.retry: 2,
            self.let_time_pass: 2,
        }

    def go(self, count: int) -> None:
        """Walk so many operations."""
        names = []
        for operation in self.random.choices(*zip(*self.operations.items(), strict=True), k=count):
            names.append(operation.__name__)
            try:
                operation()
            except AssertionError as error:
                error.add_note(f"after {names[-10:]}")
                raise
        self.bench.store.close()

    def submit(self) -> None:
        names = self.random.choices(NAMES, k=2)
        with self.watched("submit"):
            self.bench.submit(
                *names,
                batch=self.random.choice(BATCHES),
                lane=self.random.choice(list(Lane)),
                media=self.random.choice(["a.wav", None]),
            )

    def claim(self) -> None:
        lanes = self.random.choice([list(Lane), [Lane.LIVE]])
        with self.watched("claim"):
            self.claims += self.bench.claim(window=self.random.randrange(5), lanes=lanes)

    def begin_step(self) -> None:
        if claim := self.choose(self.claims):
            # Most messages arrive when it is their turn.
            step = next(
                (
                    step
                    for step in Step
                    if STEPS.index(self.story.jobs[claim.job_id]["step"]) == list(Step).index(step)
                ),
                None,
            )
            with self.watched("begin_step"):
                self.held.append(self.bench.begin(claim, self.random.choice([step, step, step, *Step])))

    def record_step(self) -> None:
        if held := self.choose(self.held):
            is_adopted = held.step is Step.CREATE_CALL and self.random.random() < 0.5
            with self.watched("record_step"):
                self.bench.ledger.record_step(held, {"adopted": "1"} if is_adopted else {})

    def postpone(self) -> None:
        if held := self.choose(self.held):
            keep, costs_attempt = self.random.random() < 0.5, self.random.random() < 0.7
            wait = make_wait(self.random.choice([0, 10]), keep=keep, costs_attempt=costs_attempt)
            with self.watched("postpone"):
                self.bench.ledger.postpone(held, wait)

    def bury(self) -> None:
        if held := self.choose(self.held):
            with self.watched("bury"):
                self.bench.ledger.bury(held, Reason("refused"))

    def renew(self) -> None:
        if held := self.choose(self.held):
            with self.watched("renew"):
                self.bench.ledger.renew(held)

    def note_request(self) -> None:
        if held := self.choose(self.held):
            with self.watched("note_request"):
                self.bench.ledger.note_request(held, wait_s=1)

    def give_back(self) -> None:
        if claim := self.choose(self.claims):
            with self.watched("postpone"):
                self.bench.ledger.give_back(claim)

    def retry(self) -> None:
        ids = [job_id_of(name) for name in self.random.choices(NAMES, k=2)]
        with self.watched("retry"):
            self.bench.ledger.retry(
                self.random.choice(BATCHES),
                code=self.random.choice(["", "refused", "worker_lost"]),
                job_ids=self.random.choice([ids, []]),
            )

    def let_time_pass(self) -> None:
        self.bench.clock.advance(self.random.choice([1, LEASE_TTL_S]))
        self.story = self.read()

    @contextmanager
    def watched(self, operation: str) -> Iterator[None]:
        """Hold what an operation does to the table and to what must be true."""
        before, is_refused = self.story, False
        try:
            yield
        except LeaseLost:
            is_refused = True
        self.story = self.read()
        self.story.check()
        if is_refused:
            assert self.story == before
        for job_id, job in self.story.jobs.items():
            if before.jobs.get(job_id) != job:
                self.note_change(operation, before.jobs.get(job_id), job)

    def note_change(self, operation: str, then: Mapping[str, str] | None, now: Mapping[str, str]) -> None:
        state, reached = State(then["state"]) if then else None, State(now["state"])
        edge = (operation, state, reached)
        assert edge in EDGES if operation in TRANSITIONS else state is reached, edge
        self.seen.add(edge)
        if then:
            assert STEPS.index(now["step"]) >= STEPS.index(then["step"])
            assert int(now["token"]) >= int(then["token"])
        if then and operation == "claim" and reached is State.ACTIVE:
            assert int(now["token"]) > int(then["token"])

    def choose(self, candidates: Sequence[Anything]) -> Anything | None:
        """Choose one of the last few: most are of use, some lost their lease."""
        return self.random.choice(candidates[-4:]) if candidates else None

    def read(self) -> Story:
        return Story.read(self.bench, NAMES, BATCHES)


def test_whatever_happens_the_ledger_stays_one_story(server: Server) -> None:
    seen: set[Edge] = set()

    for seed in SEEDS:
        Walk(server, seed, seen).go(OPERATIONS)

    assert {edge for edge in seen if edge[0] in TRANSITIONS} == EDGES
