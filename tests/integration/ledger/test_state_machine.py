"""Whatever happens in whatever order, from two clients, the ledger does what its model says and nothing else.

Hypothesis chooses the operations and shrinks what fails. After each one everything that lies in the server
is compared with the model, and every change of state stands in `job.TRANSITIONS`. So that most operations
change something there are few rules, because hypothesis leaves some of them out of every example; each finds
something to act on; a claim may go on to its first step and a recorded step to the next one; and people act
at every fourth operation at most. It goes on until every line of the table was seen.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipeline.errors import LeaseLost
from pipeline.events import Event, want_events
from pipeline.job import TRANSITIONS, Claim, Held, Lane, Reason, State, Step, Wait, job_id_of
from pipeline.ledger import Control, Manifests
from pipeline.ledger.manifests import NO_MANIFEST, KnownManifest
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.ledger.bench import LEASE_TTL_S, Bench, make_submission, make_wait
from tests.integration.ledger.model import BUNDLE_MS, Content, Job, Model
from tests.integration.ledger.story import Story
from tests.servers import Server

NAMES = tuple("abcdefgh")
BATCHES = ("one", "two")
ATTEMPTS_MAX = 2
EXAMPLES, OPERATIONS = 20, 50
ROUNDS_MIN, ROUNDS_MAX = 3, 12
PEOPLE_EVERY = 4
SEEN_AT_LEAST = 1
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=OPERATIONS,
    suppress_health_check=list(HealthCheck),
)
EDGES = {
    (operation, state, reached)
    for operation, rows in TRANSITIONS.items()
    for state, ends in rows.items()
    for reached in ends
}

Edge = tuple[str, State | None, State]
Anything = TypeVar("Anything")

clients = st.sampled_from([0, 1])
batches = st.sampled_from(BATCHES)
# Which of the candidates there are by then.
choices = st.integers(0, 63)


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker does next, as far as it can.

    Attributes:
        kind: It claims, writes something down about a step or finishes the whole chain, or time passes.
        goes_on: Begins the next step of what it has then.
        write: What it writes about a step.
    """

    kind: str
    goes_on: bool
    window: int
    lanes: tuple[Lane, ...]
    write: str
    is_adopted: bool
    wait: Wait
    by_s: float


works = st.builds(
    Work,
    kind=st.sampled_from(["claim", "claim", "write", "write", "write", "finish", "time"]),
    goes_on=st.sampled_from([True, True, False]),
    window=st.sampled_from([1, 8, 8, 8]),
    lanes=st.sampled_from([tuple(Lane), tuple(Lane), tuple(Lane), (Lane.LIVE,), ()]),
    write=st.sampled_from(
        ["record_step", "record_step", "record_step", "postpone", "postpone", "bury", "request", "renew"]
    ),
    is_adopted=st.booleans(),
    wait=st.builds(
        make_wait,
        st.sampled_from([0.0, 10.0]),
        keep=st.booleans(),
        costs_attempt=st.sampled_from([True, True, True, True, False]),
        reason=st.sampled_from([Reason("refused"), Reason("rate_limited"), Reason("waits_second")]),
        keeps_place=st.booleans(),
    ),
    by_s=st.sampled_from([0.001, 10.0, LEASE_TTL_S, LEASE_TTL_S]),
)


class Ledgers(RuleBasedStateMachine):
    """One ledger, two clients, and the model of it. A subclass names the server."""

    server: ClassVar[Server]
    seen: ClassVar[Counter[Edge]]

    def __init__(self) -> None:
        super().__init__()
        namespace = f"machine-{uuid.uuid4().hex[:12]}"
        self.clock = Clock()
        self.benches = [
            Bench(self.server, namespace, Store(self.server.url, namespace), ATTEMPTS_MAX, self.clock)
            for _ in "12"
        ]
        self.model = Model(LEASE_TTL_S * 1000, ATTEMPTS_MAX, now_ms=self.clock.now_s * 1000)
        self.claims: list[Claim] = []
        self.held: list[Held] = []
        self.runs = self.handings_in = 0
        self.operations = 0
        self.people_acted_at = 0
        self.operation = "start"
        self.last_event = "0-0"
        want_events(self.benches[0].store, kept=1_000_000, webhook=False)
        self.story = self.read()

    def teardown(self) -> None:
        for bench in self.benches:
            bench.store.close()

    @initialize(client=clients, lane=st.sampled_from(Lane))
    def begin(self, client: int, lane: Lane) -> None:
        manifests = Manifests(self.benches[client].store, clock=self.clock)
        manifest = manifests.open(BATCHES[0], "calls.csv")
        for name in NAMES[:4]:
            self.submit(client, name, BATCHES[0], lane, ("Call", "a.wav"), is_manifest=True)
        manifests.close(BATCHES[0], manifest, last_line=4)

    @rule(
        client=clients,
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
        batch=batches,
        lane=st.sampled_from(Lane),
        content=st.tuples(st.sampled_from(["Call", "Call", "Other"]), st.sampled_from(["a.wav", None])),
        is_manifest=st.booleans(),
    )
    def hand_in(
        self,
        *,
        client: int,
        names: Sequence[str],
        batch: str,
        lane: Lane,
        content: Content,
        is_manifest: bool,
    ) -> None:
        for name in names:
            self.submit(client, name, batch, lane, content, is_manifest=is_manifest)

    def submit(
        self, client: int, name: str, batch: str, lane: Lane, content: Content, *, is_manifest: bool
    ) -> None:
        self.operation = "submit"
        self.handings_in += 1
        handing_in = self.handings_in if is_manifest else 0
        submission = make_submission(name, title=content[0], media=content[1])
        manifest = KnownManifest(1, "calls.csv", handing_in) if is_manifest else NO_MANIFEST
        (receipt,) = self.benches[client].ledger.submit(
            [submission], batch=batch, lane=lane, manifest=manifest
        )
        result = self.model.submit(receipt.job_id, batch, lane, content, handing_in=handing_in)
        job = self.model.jobs[receipt.job_id]
        assert (receipt.result, receipt.state, receipt.batch) == (result, job.state, job.batch)
        self.check()

    @rule(client=clients, choice=choices, work=works)
    def work(self, client: int, choice: int, work: Work) -> None:
        if work.kind in {"write", "finish"} and (alive := self.alive()):
            self.writes_and_goes_on(client, pick(alive, choice), work)
        elif work.kind == "time" or not self.model.has_claimable():
            self.time_passes(work.by_s)
        else:
            self.claims_some(client, work)

    def claims_some(self, client: int, work: Work) -> None:
        self.operation = "claim"
        found = self.benches[client].claim(window=work.window, lanes=work.lanes)
        self.model.claim(work.lanes, work.window, found)
        self.claims += found
        self.check()
        for claim in found if work.goes_on else ():
            self.begins_next(client, claim)

    def writes_and_goes_on(self, client: int, held: Held, work: Work) -> None:
        """Write something about a step; who finishes goes on to the end of the chain."""
        self.writes(client, held, "record_step" if work.kind == "finish" else work.write, work)
        self.check()
        claim = next(each for each in self.claims if each.lease_token == held.lease_token)
        job = self.job_of(claim)
        if (work.goes_on or work.kind == "finish") and job.is_under(claim) and not job.run:
            self.begins_next(client, claim)
            if work.kind == "finish":
                self.writes_and_goes_on(client, self.held[-1], work)

    def time_passes(self, by_s: float) -> None:
        self.operation = "time"
        self.clock.advance(by_s)
        self.model.now_ms = round(self.clock.now_s * 1000)

    @precondition(lambda self: self.claims)
    @rule(client=clients, choice=choices, step=st.sampled_from(Step), work=works, act=st.sampled_from("wwbg"))
    def come_late_or_twice(self, client: int, choice: int, step: Step, work: Work, act: str) -> None:
        claim, stale = pick(self.claims, choice), self.stale()
        if act == "b":
            self.begins(client, claim, step)
        elif act == "g":
            self.operation = "postpone"
            self.model.give_back(claim)
            self.benches[client].ledger.give_back(claim)
        elif stale:
            self.writes(client, pick(stale, choice), work.write, work)

    def begins_next(self, client: int, claim: Claim) -> None:
        step = self.job_of(claim).next_step
        assert step is not None
        self.begins(client, claim, step)

    def begins(self, client: int, claim: Claim, step: Step) -> None:
        self.operation = "begin_step"
        self.runs += 1
        run, ledger = f"run-{self.runs}", self.benches[client].ledger
        expected = self.model.begin_step(claim, step, run)
        held = self.expect(
            lambda: ledger.begin_step(claim.job_id, claim.lease_token, step, run=run), expected
        )
        self.held += [held] if held else []
        self.check()

    def writes(self, client: int, held: Held, write: str, work: Work) -> None:
        """Write something about a step, and hold it to being refused or not."""
        self.operation = write
        ledger, model, wait = self.benches[client].ledger, self.model, work.wait
        is_adopted = work.is_adopted and held.step is Step.CREATE_CALL
        details = {"adopted": "1"} if is_adopted else {}
        if held.step is Step.UPLOAD_MEDIA:
            details["bytes"] = "4"
        if write == "record_step":
            expected = model.record_step(held, is_adopted=is_adopted)
            self.expect(lambda: ledger.record_step(held, details), expected)
        elif write == "postpone":
            expected = model.postpone(held, wait)
            state = self.expect(lambda: ledger.postpone(held, wait), expected)
            assert state in {None, self.job_of(held).state}
        elif write == "bury":
            self.expect(lambda: ledger.bury(held, wait.reason), model.bury(held, wait.reason.code))
        elif write == "request":
            self.expect(lambda: self.benches[client].request(held), model.note_request(held))
        else:
            self.expect(lambda: ledger.renew(held), model.renew(held))

    @precondition(lambda self: self.is_time_for_people())
    @rule(
        client=clients,
        choice=choices,
        batch=batches,
        act=st.sampled_from(["cancel", "cancel_job", "pause", "retry"]),
        names=st.just([]) | st.lists(st.sampled_from(NAMES), max_size=3),
        again=st.booleans(),
    )
    def act(
        self, *, client: int, choice: int, batch: str, act: str, names: Sequence[str], again: bool
    ) -> None:
        self.people_acted_at = self.operations
        control, model = self.benches[client].control, self.model
        if act == "pause" and model.is_paused(batch):
            act = "resume"
        self.operation = act
        for _ in range(1 + again):
            if act == "retry":
                self.retries(control, None if choice % 2 else batch, choice, names)
            elif act == "cancel_job":
                name = pick([*NAMES, *self.dead_names()], choice)
                assert control.cancel_job(name) == model.cancel_job(job_id_of(name))
            elif act == "cancel":
                assert tuple(control.cancel(batch)) == model.cancel(batch)
            elif act == "pause":
                assert control.pause(batch) == model.pause(batch, is_paused=True)
            else:
                assert control.resume(batch) == model.pause(batch, is_paused=False)

    def retries(self, control: Control, batch: str | None, choice: int, names: Sequence[str]) -> None:
        reasons = {job.reason[1] for job in self.model.in_state(State.DEAD)}
        code = pick([*sorted(reasons), "", "cancelled"], choice)
        job_ids = [job_id_of(name) for name in names]
        assert control.retry(batch, code=code, job_ids=job_ids) == self.model.retry(batch, code, job_ids)

    @invariant()
    def is_as_the_model_says(self) -> None:
        self.check()
        self.operations += 1

    def check(self) -> None:
        """Compare everything with the model, after one operation."""
        before, self.story = self.story, self.read()
        self.check_places()
        self.check_records()
        self.check_batches()
        self.check_events(before)
        for job_id, state in self.story.states.items():
            self.note_change(job_id, before.states.get(job_id), state, before)

    def check_places(self) -> None:
        """Every job that is not done lies in one place, the one of its state."""
        jobs, story = self.model.jobs, self.story
        assert story.states == {job_id: job.state for job_id, job in jobs.items()}
        assert sorted(story.places()) == sorted(
            job_id for job_id, job in jobs.items() if job.state is not State.DONE
        )
        for (lane, batch), scores in story.due.items():
            for job_id, due_ms in scores.items():
                job = jobs[job_id]
                assert (job.state, job.lane, job.batch) == (State.PENDING, lane, batch)
                assert job.due_ms <= due_ms < job.due_ms + BUNDLE_MS
                # which of a bundle comes first is the ledger's choice
                job.due_ms = due_ms
        for (batch, reason), scores in story.dead.items():
            for job_id in scores:
                assert jobs[job_id].state is State.DEAD
                assert (batch, reason) == (jobs[job_id].batch, ":".join(jobs[job_id].reason))
        for (batch, _), scores in story.cancelled.items():
            assert {(jobs[job_id].state, jobs[job_id].batch) for job_id in scores} <= {
                (State.CANCELLED, batch)
            }
        active = {job_id: job for job_id, job in jobs.items() if job.state is State.ACTIVE}
        assert story.leases == {job_id: job.lease_ends_ms for job_id, job in active.items()}
        assert story.countdowns == {
            job_id: job.countdown_ends_ms
            for job_id, job in active.items()
            if job.countdown_ends_ms is not None
        }

    def check_records(self) -> None:
        """What an attempt leaves in the record is what it was allowed to."""
        assert self.story.records == {
            job_id: (job.token, job.recorded, job.attempts, job.run, hash_of(job_id, job.content))
            for job_id, job in self.model.jobs.items()
            if job.state is not State.DONE
        }

    def check_batches(self) -> None:
        """The counts are those of the jobs; who has something due has a turn in time, unless it is paused."""
        for batch in BATCHES:
            expected, found = self.model.counts(batch), self.story.counts[batch]
            names = [*State, "created", "uploaded", "adopted", "requests", "rate_limited"]
            assert {name: getattr(found, name) for name in names} == {
                name: getattr(expected, name) for name in names
            }
            its = self.model.batches.get(batch)
            assert (found.paused_at > 0, found.cancelled_at > 0) == (
                its is not None and its.is_paused,
                its is not None and its.is_cancelled,
            )
            for lane in Lane:
                due, turn = self.story.due[lane, batch], self.story.turns[lane].get(batch)
                assert (turn is not None) == (bool(due) and not (its and its.is_paused))
                assert turn is None or turn < max(min(due.values()), self.model.now_ms) + BUNDLE_MS

    def check_events(self, before: Story) -> None:
        """Each job that is done or dead now was told of once, and each end of the batch with a manifest."""
        told = [Event(*each) for each in self.new_events()]
        found = Counter((each.type, each.fields.get("client_unique_id", BATCHES[0])) for each in told)
        names = {job_id_of(name): name for name in NAMES}
        expected = Counter(
            (f"recording.{state}", names[job_id])
            for job_id, state in self.story.states.items()
            if state in {State.DONE, State.DEAD} and before.states.get(job_id) is not state
        )
        was, waiting = (story.counts[BATCHES[0]].waiting for story in (before, self.story))
        if was and not waiting:
            expected["batch.finished", BATCHES[0]] += 1
        assert found == expected
        assert {each.fields["batch"] for each in told if each.type == "batch.finished"} <= {BATCHES[0]}

    def new_events(self) -> list[tuple[str, dict[str, str]]]:
        """Read what was told since the last time."""
        key = self.benches[0].key("events")
        found: list[tuple[str, dict[str, str]]] = self.server.client.xrange(key, min=f"({self.last_event}")
        self.last_event = found[-1][0] if found else self.last_event
        return found

    def note_change(self, job_id: str, state: State | None, reached: State, before: Story) -> None:
        """Hold a change to the table of transitions."""
        is_same = before.of(job_id) == self.story.of(job_id)
        if state is reached and is_same:
            return
        edge = (self.operation, state, reached)
        assert edge in EDGES if self.operation in TRANSITIONS else state is reached, edge
        self.seen[edge] += 1

    def expect(self, act: Callable[[], Anything], is_allowed: bool) -> Anything | None:
        """Do it, and hold it to being refused (None) or not."""
        try:
            done = act()
        except LeaseLost:
            assert not is_allowed, "refused was what is allowed"
            return None
        assert is_allowed, "allowed was what should be refused"
        return done

    def is_time_for_people(self) -> bool:
        return self.operations - self.people_acted_at >= PEOPLE_EVERY

    def job_of(self, one: Claim | Held) -> Job:
        return self.model.jobs[one.job_id]

    def dead_names(self) -> list[str]:
        dead = {job_id for job_id, job in self.model.jobs.items() if job.state is State.DEAD}
        return [name for name in NAMES if job_id_of(name) in dead]

    def alive(self) -> list[Held]:
        return [each for each in self.held if self.job_of(each).is_held_by(each)]

    def stale(self) -> list[Held]:
        return [each for each in self.held if not self.job_of(each).is_held_by(each)]

    def read(self) -> Story:
        return Story.read(self.benches[0], NAMES, BATCHES)


def hash_of(job_id: str, content: Content) -> str:
    name = next(name for name in NAMES if job_id_of(name) == job_id)
    return make_submission(name, title=content[0], media=content[1]).content


def pick(candidates: Sequence[Anything], choice: int) -> Anything:
    """Choose one; the newest first, so that a failure shrinks to what was just done."""
    return candidates[-1 - choice % len(candidates)]


def test_the_ledger_does_what_its_model_says(server: Server) -> None:
    seen: Counter[Edge] = Counter()
    rare = EDGES

    for number in range(ROUNDS_MAX):
        machine = seed(number)(type("LedgersHere", (Ledgers,), {"server": server, "seen": seen}))
        run_state_machine_as_test(machine, settings=SETTINGS)
        rare = {edge for edge in EDGES if seen[edge] < SEEN_AT_LEAST}
        if not rare and number + 1 >= ROUNDS_MIN:
            break

    assert not rare, f"hardly seen, so hardly tested: {rare}"
