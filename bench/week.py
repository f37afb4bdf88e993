"""Weeks in minutes: the ledger's and the limiter's own scripts in virtual time, with requests that fail.

A fleet brings recordings in at the default limits. Everything that happens to a job or a slot is done by the
scripts on a real server, with the time as their argument; only the API, the network and the processes that
carry the steps are simulated, and the forecast is the one that `status` gives. The way to the server takes
no time. Of the dispatcher its rules are here (`workers.dispatcher`): how many it claims, and when.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from bench.limiter_virtual.world import STARTS_AT_S, World
from bench.results import Table
from pipeline.forecast import Allowance, finish_instants
from pipeline.job import Claim, Held, Lane, Reason, Step, Wait
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter, Limits, Refusal, Slot
from pipeline.outcome import backoff_s
from pipeline.recording import submission_of
from pipeline.settings import Settings
from pipeline.store import Store
from tests.recordings import make_call
from tests.servers import running_server
from workers.dispatcher import look_at

BATCH = "week"
DAY_S, MINUTE_S = 86_400.0, 60.0
PROCESSES = 4
ANSWERS_S = (0.05, 0.4)
# Of the requests: the API fails before any effect, an answer is lost after it, a 429, a worker is killed.
FAILED, LOST, LIMITED, KILLED = 0.001, 0.001, 0.0005, 0.001
RETRY_AFTER_S = 2.0
BUNDLE = 20_000
# A dispatcher looks once a second; what it would find in between is found here soon enough.
LOOK_INTERVAL_S = 10.0
# As in `limiter_prelude.lua`: a slot that is nearer is not taken back.
NOTICE_S = 0.1
DETAILS = {
    Step.VALIDATE: {"size_bytes": "512044"},
    Step.CREATE_CALL: {"call_id": "7782342274025937895"},
    Step.UPLOAD_MEDIA: {"bytes": "512044"},
}
BOUND = 0.01


@dataclass(slots=True)
class Tally:
    """What happened; the time is that of the last recording that was in."""

    requests: int = 0
    failed: int = 0
    lost: int = 0
    limited: int = 0
    killed: int = 0
    done: int = 0
    done_at: float = 0.0


@dataclass(slots=True, eq=False)
class Work:
    """A claimed job in the hands of a process: at which of its steps, in which delivery of that step."""

    claim: Claim
    index: int = 0
    delivery: int = 0
    held: Held | None = None


class Fleet:
    """Processes that bring in what is claimed for them."""

    def __init__(self, world: World, ledger: Ledger, limiter: Limiter, settings: Settings) -> None:
        self._world = world
        self._ledger = ledger
        self._limiter = limiter
        self._settings = settings
        self._random = Random(1)
        self._turn_at = -1.0
        # Who holds a slot that has not come. A dict for its order.
        self._waiting: dict[Work, Slot] = {}
        self.tally = Tally()

    def wake(self) -> None:
        """Look for something to do now, as a dispatcher does that is told of a free place."""
        self._plan(0.0)

    def _plan(self, wait_s: float) -> None:
        self._turn_at = self._world.now_s + wait_s
        self._world.at(self._turn_at, self._turn)

    def _turn(self) -> None:
        """Claim what the fleet can use, and plan the next look; one that was planned before is left out."""
        if self._world.now_s < self._turn_at or self._turn_at < 0:
            return
        self._turn_at = -1.0
        lanes, wait_s = look_at(self._limiter).lanes, LOOK_INTERVAL_S
        if lanes:
            for claim in self._ledger.claim(lanes, window=PROCESSES).jobs:
                self._begin(Work(claim))
        else:
            # While nothing may leave there is nothing to see.
            wait_s = max(wait_s, self._limiter.look(Lane.BACKFILL).wait_s)
        if self._turn_at < 0:
            self._plan(wait_s)

    def _begin(self, work: Work) -> None:
        claim, step = work.claim, work.claim.steps[work.index]
        run = f"{work.index}-{work.delivery}"
        work.held = self._ledger.begin_step(claim.job_id, claim.lease_token, step, run=run)
        if step is Step.VALIDATE:
            self._record(work)
        else:
            self._ask(work)

    def _ask(self, work: Work) -> None:
        answer = self._limiter.acquire(Lane.BACKFILL, held=_held(work))
        if isinstance(answer, Refusal):
            by_pace = answer.reason == "second"
            wait = _wait(answer.wait_s if by_pace else 0.0, answer.reason, keep=by_pace)
            self._put_off(work, wait)
            return
        self._waiting[work] = answer
        self._world.at(answer.at_us / 1e6, partial(self._leave, work, answer))

    def _leave(self, work: Work, slot: Slot) -> None:
        # It may have been taken back since this was planned.
        if self._waiting.get(work) is not slot:
            return
        del self._waiting[work]
        self.tally.requests += 1
        if self._random.random() < KILLED:
            # Nobody tells of it: the lease runs out, and a turn finds that.
            self.tally.killed += 1
        else:
            self._world.after(self._random.uniform(*ANSWERS_S), partial(self._answered, work))

    def _answered(self, work: Work) -> None:
        fate = self._random.random()
        if fate < LIMITED:
            self.tally.limited += 1
            self._limiter.close_for(RETRY_AFTER_S, "simulated")
            self._put_off(work, _wait(RETRY_AFTER_S, "rate_limited"))
            self._give_slots_up()
        elif fate < LIMITED + FAILED + LOST:
            is_lost = fate >= LIMITED + FAILED
            self.tally.lost += is_lost
            self.tally.failed += not is_lost
            self._put_off(work, _wait(self._backoff_s(_held(work)), "server_error", costs_attempt=True))
        else:
            self._record(work)

    def _give_slots_up(self) -> None:
        """Ask anew for every slot that a closed gate took back (`limiter_prelude.lua`)."""
        taken_back = [
            work for work, slot in self._waiting.items() if slot.at_us / 1e6 > self._world.now_s + NOTICE_S
        ]
        for work in taken_back:
            del self._waiting[work]
        for work in taken_back:
            self._ask(work)

    def _backoff_s(self, held: Held) -> float:
        base_s, cap_s = self._settings.backoff_base_s, self._settings.backoff_cap_s
        return backoff_s(held.attempts + 1, base_s=base_s, cap_s=cap_s, random=self._random.random)

    def _put_off(self, work: Work, wait: Wait) -> None:
        self._ledger.postpone(_held(work), wait)
        if wait.keep:
            work.delivery += 1
            self._world.after(wait.wait_s, partial(self._begin, work))
        self.wake()

    def _record(self, work: Work) -> None:
        held = _held(work)
        self._ledger.record_step(held, DETAILS[held.step])
        work.index, work.delivery = work.index + 1, 0
        if work.index < len(work.claim.steps):
            self._begin(work)
            return
        self.tally.done += 1
        self.tally.done_at = self._world.now_s
        self.wake()


def _wait(wait_s: float, reason: str, *, keep: bool = True, costs_attempt: bool = False) -> Wait:
    return Wait(wait_s, keep=keep, costs_attempt=costs_attempt, reason=Reason(reason))


def _held(work: Work) -> Held:
    if work.held is None:
        raise RuntimeError("The step was not begun.")
    return work.held


def week(*, count: int = 100_000) -> Iterator[Table]:
    """Bring so many recordings in at the default limits."""
    began = time.monotonic()
    settings, world = Settings(), World()
    with running_server(appendonly="no") as server:
        store = Store(server.url, "bench")
        ledger = Ledger(
            store,
            lease_ttl_s=settings.lease_ttl_s,
            attempts_max=settings.attempts_max,
            clock=world.clock,
        )
        limiter = Limiter(store, _limits(settings), clock=world.clock)
        _hand_in(ledger, count)
        forecast_s = finish_instants([2 * count], _allowance(limiter))[0] - STARTS_AT_S
        fleet = Fleet(world, ledger, limiter, settings)
        fleet.wake()
        while fleet.tally.done < count:
            world.run(MINUTE_S)
        if ledger.counts(BATCH).done != count:
            raise RuntimeError(f"Not every recording is done once: {ledger.counts(BATCH)}")
        store.close()
    took_s = time.monotonic() - began
    yield _table(
        fleet.tally, count=count, per_day=settings.requests_per_day, forecast_s=forecast_s, took_s=took_s
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings.requests_per_second,
        settings.requests_per_day,
        settings.rate_margin,
        settings.burst,
        settings.live_share,
    )


def _allowance(limiter: Limiter) -> Allowance:
    """Give what `status` makes its forecast from, when nothing was sent yet."""
    in_force = limiter.in_force()
    limits = in_force.limits
    return Allowance(
        now=STARTS_AT_S,
        pace=in_force.pace,
        requests_per_day=limits.requests_per_day,
        budget=in_force.requests_per_day,
        live_share=limits.live_share,
    )


def _hand_in(ledger: Ledger, count: int) -> None:
    for start in range(0, count, BUNDLE):
        bundle = range(start, min(start + BUNDLE, count))
        submissions = [submission_of(make_call(f"pbx-{each}"), f"{each}.wav") for each in bundle]
        ledger.submit(submissions, batch=BATCH, lane=Lane.BACKFILL)


def _table(tally: Tally, *, count: int, per_day: int, forecast_s: float, took_s: float) -> Table:
    took_days, bound_days = (tally.done_at - STARTS_AT_S) / DAY_S, tally.requests / per_day
    rows = [
        ("finished after", f"{took_days:.3f} days", ""),
        (
            "the forecast at the start",
            f"{forecast_s / DAY_S:.3f} days",
            f"{took_days * DAY_S / forecast_s - 1:+.2%}",
        ),
        ("requests by requests a day", f"{bound_days:.3f} days", f"{took_days / bound_days - 1:+.2%}"),
        ("requests", f"{tally.requests:,}", f"{tally.requests / 2 / count - 1:+.2%} over two a recording"),
        ("answers that failed, were lost, were 429s", f"{tally.failed}, {tally.lost}, {tally.limited}", ""),
        ("workers killed with a request on its way", f"{tally.killed}", ""),
        ("it took", f"{took_s:.0f} s", ""),
    ]
    notes = (
        f"{count:,} recordings at the default limits, {PROCESSES} processes, answers after "
        f"{ANSWERS_S[0] * 1000:.0f}-{ANSWERS_S[1] * 1000:.0f} ms. The forecast is made before the first "
        f"request and knows nothing of what will fail. Both should be met within {BOUND:.0%}."
    )
    return Table("Weeks in virtual time", notes, ("", "measured", "finished later by"), rows)
