"""Weeks in minutes: the ledger's and the limiter's own scripts in virtual time, with requests that fail.

A fleet brings recordings in at the default limits. Everything that happens to a job or a slot is done by the
scripts on a real server, with the time as their argument; only the API, the network and the processes that
carry the steps are simulated, and the forecast is the one that `status` gives. The way to the server takes
no time. Of the dispatcher its rules are here (`workers.dispatcher`): how many it claims, and when. It looks
when something can have changed, not once a second: when a job leaves, comes due or loses its lease, when a
slot comes near, when the gate opens.

The API of this simulation refuses nobody for leaving too early. So what left is held to the limits here: how
many requests there are in any rolling second and day, at the most, and in any day of work, at the least.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from random import Random

from bench.limiter_virtual.world import STARTS_AT_S, World
from bench.results import Table
from pipeline.forecast import ARRIVAL_S, Allowance, finish_instants
from pipeline.job import Claim, Held, Lane, Reason, Step, Wait
from pipeline.ledger import Ledger
from pipeline.limiter import HORIZON_S, Limiter, Limits, Refusal, Slot
from pipeline.outcome import backoff_s
from pipeline.recording import submission_of
from pipeline.settings import Settings
from pipeline.store import Store
from tests.recordings import make_call
from tests.servers import running_server
from workers.dispatcher import CLAIM_AHEAD_S, look_at
from workers.turns import LOOK_INTERVAL_S

BATCH = "week"
SECOND_S, MINUTE_S, DAY_S = 1.0, 60.0, 86_400.0
PROCESSES = 4
ANSWERS_S = (0.05, 0.4)
# Of the requests: the API fails before any effect, an answer is lost after it, a 429, a worker is killed.
FAILED, LOST, LIMITED, KILLED = 0.001, 0.001, 0.0005, 0.001
RETRY_AFTER_S = 2.0
BUNDLE = 20_000
# A slot that is looked at is known to some milliseconds: the way to the server takes real time.
MOMENT_S = 0.01
# As in `limiter_prelude.lua`: a slot that is nearer is not taken back.
NOTICE_S = 0.1
DETAILS = {
    Step.VALIDATE: {"size_bytes": "512044"},
    Step.CREATE_CALL: {"call_id": "7782342274025937895"},
    Step.UPLOAD_MEDIA: {"bytes": "512044"},
}
BOUND = 0.01
# Whoever needs so many times what was forecast will never end.
PATIENCE = 3.0


@dataclass(slots=True)
class Tally:
    """What happened. Instants are seconds since the epoch, those of the requests microseconds.

    Attributes:
        sent_us: When each request left, in order.
        waited_until: When the last recording was claimed that waited for a process and a slot.
        done_at: When the last one was in.
    """

    sent_us: list[int] = field(default_factory=list)
    failed: int = 0
    lost: int = 0
    limited: int = 0
    killed: int = 0
    done: int = 0
    waited_until: float = STARTS_AT_S
    done_at: float = STARTS_AT_S


@dataclass(slots=True, eq=False)
class Work:
    """A claimed job in the hands of a process: at which of its steps, in which delivery of that step."""

    claim: Claim
    index: int = 0
    delivery: int = 0
    begun_at: float = 0.0
    held: Held | None = None


class Remembering(Limiter):
    """A limiter that remembers what it told of backfill, so that a turn need not ask again."""

    told: Slot | Refusal | None = None

    def look(self, lane: Lane) -> Slot | Refusal:
        """See what `acquire` would answer, and bind nothing."""
        answer = super().look(lane)
        if lane is Lane.BACKFILL:
            self.told = answer
        return answer


class Fleet:
    """Processes that bring in what is claimed for them."""

    def __init__(self, world: World, ledger: Ledger, limiter: Remembering, settings: Settings) -> None:
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
        lanes = look_at(self._limiter).lanes
        wait_s = self._until_allowed_s() if Lane.BACKFILL not in lanes else inf
        if lanes:
            wait_s = min(wait_s, self._claim(lanes))
        # A full window is told by the first job that leaves it.
        if self._turn_at < 0 and wait_s < inf:
            self._plan(wait_s)

    def _claim(self, lanes: Sequence[Lane]) -> float:
        """Claim and begin; gives in how many seconds the next job is due."""
        claims = self._ledger.claim(lanes, window=PROCESSES)
        for claim in claims.jobs:
            if not claim.rescued:
                self.tally.waited_until = self._world.now_s
            self._begin(Work(claim))
        return claims.next_due_s or inf

    def _until_allowed_s(self) -> float:
        """Say in how many seconds a dispatcher that looks once a second sees that backfill may be claimed."""
        told = self._limiter.told
        if isinstance(told, Slot):
            wait_s = told.at_us / 1e6 - CLAIM_AHEAD_S - self._world.now_s
        elif told and told.reason in {"second", "day"}:
            # To ask again makes sense as soon as the slot can be bound.
            wait_s = told.wait_s + HORIZON_S - CLAIM_AHEAD_S
        else:
            wait_s = told.wait_s if told else 0.0
        return max(wait_s, 0.0) + MOMENT_S + self._random.uniform(0.0, LOOK_INTERVAL_S)

    def _begin(self, work: Work) -> None:
        claim, step = work.claim, work.claim.steps[work.index]
        run = f"{work.index}-{work.delivery}"
        work.begun_at = self._world.now_s
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
        self.tally.sent_us.append(round(self._world.now_s * 1e6))
        if self._random.random() < KILLED:
            # Nobody tells of it: the lease runs out, and who looks once a second finds that.
            self.tally.killed += 1
            found_after_s = self._settings.lease_ttl_s + self._random.uniform(MOMENT_S, LOOK_INTERVAL_S)
            self._world.at(work.begun_at + found_after_s, self.wake)
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


def week(*, count: int = 100_000, settings: Settings | None = None) -> Iterator[Table]:
    """Bring so many recordings in, at the default limits if no others are given.

    Raises:
        RuntimeError: What is asked for did not come about; the table was given before.
    """
    began = time.monotonic()
    settings, world = settings or Settings(), World()
    with running_server(appendonly="no") as server:
        store = Store(server.url, "bench")
        ledger = Ledger(
            store,
            lease_ttl_s=settings.lease_ttl_s,
            attempts_max=settings.attempts_max,
            clock=world.clock,
        )
        limiter = Remembering(store, _limits(settings), clock=world.clock)
        _hand_in(ledger, count)
        forecast_s = finish_instants([2 * count], _allowance(limiter))[0] - STARTS_AT_S
        fleet = Fleet(world, ledger, limiter, settings)
        fleet.wake()
        while fleet.tally.done < count:
            if world.elapsed_s > PATIENCE * forecast_s + DAY_S:
                raise RuntimeError(
                    f"After {world.elapsed_s:,.0f} s not every recording is in: {fleet.tally.done}"
                )
            world.run(MINUTE_S)
        if ledger.counts(BATCH).done != count:
            raise RuntimeError(f"Not every recording is done once: {ledger.counts(BATCH)}")
        store.close()
    figures = [*_ends(fleet.tally, settings, forecast_s), *_held_to_limits(fleet.tally, settings)]
    yield _table(fleet.tally, figures, count=count, took_s=time.monotonic() - began)
    if broken := [figure for figure in figures if not figure.holds]:
        told = "; ".join(f"{each.what}: {each.measured}, asked for is {each.asked}" for each in broken)
        raise RuntimeError(f"Not as asked: {told}.")


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


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the table: what was measured, what is asked for, and whether it is so."""

    what: str
    measured: str
    asked: str = ""
    holds: bool = True


def _ends(tally: Tally, settings: Settings, forecast_s: float) -> Iterator[Figure]:
    """Hold the end to what was forecast, and to what the limits allow at best."""
    took_s = tally.done_at - STARTS_AT_S
    earliest_s = earliest_end_s(
        len(tally.sent_us), per_second=settings.requests_per_second, per_day=settings.requests_per_day
    )
    yield Figure("finished after", _days(took_s))
    yield Figure("the forecast at the start", _days(forecast_s))
    yield Figure("the earliest end that the limits allow", _days(earliest_s))
    # Within a day it is the pace that counts: what its margin costs, and each incident adds to that.
    is_long = earliest_s >= DAY_S
    by_forecast, by_earliest = took_s / forecast_s, took_s / max(earliest_s, SECOND_S)
    yield Figure(
        "finished by the forecast",
        f"{by_forecast:.4f}",
        f"{1 - BOUND:.2f} to {1 + BOUND:.2f}" if is_long else "",
        not is_long or abs(by_forecast - 1) <= BOUND,
    )
    yield Figure(
        "finished by the earliest end",
        f"{by_earliest:.4f}",
        f"1.00 to {1 + BOUND:.2f}" if is_long else "1.00 at least",
        took_s >= earliest_s and (not is_long or by_earliest <= 1 + BOUND),
    )


def _held_to_limits(tally: Tally, settings: Settings) -> Iterator[Figure]:
    """Hold what left to the limits, and to what the limiter promises: a margin, and time for the way."""
    a_second, a_day = max(1, int(settings.requests_per_second)), settings.requests_per_day
    with_margin_s = SECOND_S / (1 - settings.rate_margin)
    for what, span_s, allowed in (
        ("a rolling second", SECOND_S, a_second),
        (f"{with_margin_s:.4f} s, which is that with the margin", with_margin_s, a_second),
        ("a rolling day", DAY_S, a_day),
        (f"a rolling day and {ARRIVAL_S:g} s, which is that with the way", DAY_S + ARRIVAL_S, a_day),
    ):
        most = most_within(tally.sent_us, round(span_s * 1e6))
        yield Figure(f"most requests in {what}", f"{most:,}", f"at most {allowed:,}", most <= allowed)
    fewest = _fewest(tally, DAY_S)
    if fewest is not None:
        yield Figure("fewest in a rolling day while recordings waited", f"{fewest:,}")
    late_s, least = DAY_S * (1 + BOUND), int(_promised_a_day(settings) * (1 - BOUND))
    fewest = _fewest(tally, late_s)
    if fewest is not None:
        what = f"fewest in {late_s / DAY_S:g} rolling days while recordings waited"
        yield Figure(what, f"{fewest:,}", f"at least {least:,}", fewest >= least)


def _fewest(tally: Tally, span_s: float) -> int | None:
    begins_us, ends_us = round(STARTS_AT_S * 1e6), round(tally.waited_until * 1e6)
    return fewest_within(tally.sent_us, round(span_s * 1e6), begins_us=begins_us, ends_us=ends_us)


def _promised_a_day(settings: Settings) -> int:
    """Say what the limiter lets a backfill have of a day in which no live recording comes."""
    per_second, per_day = settings.requests_per_second, settings.requests_per_day
    return Allowance(STARTS_AT_S, per_second, per_day, per_day, settings.live_share).for_backfill


def most_within(instants_us: Sequence[int], span_us: int) -> int:
    """Count the most of these instants, which are in order, that are nearer to each other than that."""
    most = first = 0
    for number, instant_us in enumerate(instants_us):
        while instants_us[first] <= instant_us - span_us:
            first += 1
        most = max(most, number - first + 1)
    return most


def fewest_within(instants_us: Sequence[int], span_us: int, *, begins_us: int, ends_us: int) -> int | None:
    """Count the fewest of these instants in any span of that length between two others; None if none fits."""
    fewest, behind = None, 0
    # There are the fewest just behind one of them, or at the beginning.
    for number, instant_us in enumerate((begins_us - 1, *instants_us)):
        if instant_us + span_us > ends_us:
            break
        while behind < len(instants_us) and instants_us[behind] <= instant_us + span_us:
            behind += 1
        fewest = min(fewest if fewest is not None else behind, behind - number)
    return fewest


def earliest_end_s(requests: int, *, per_second: float, per_day: int) -> float:
    """Say when the last of so many requests may leave at best, each second and day being filled at once."""
    a_day = min(per_day, int(per_second * DAY_S))
    days, rest = divmod(requests - 1, a_day)
    return days * DAY_S + rest // per_second


def _days(seconds: float) -> str:
    return f"{seconds / DAY_S:.3f} days"


def _table(tally: Tally, figures: Sequence[Figure], *, count: int, took_s: float) -> Table:
    requests = len(tally.sent_us)
    rows = [
        *((figure.what, figure.measured, figure.asked) for figure in figures),
        ("requests", f"{requests:,}", ""),
        ("of those more than two a recording", f"{requests / 2 / count - 1:.2%}", ""),
        ("answers that failed, were lost, were 429s", f"{tally.failed}, {tally.lost}, {tally.limited}", ""),
        ("workers killed with a request on its way", f"{tally.killed}", ""),
        ("it took", f"{took_s:.0f} s", ""),
    ]
    notes = (
        f"{count:,} recordings, {PROCESSES} processes, answers after "
        f"{ANSWERS_S[0] * 1000:.0f}-{ANSWERS_S[1] * 1000:.0f} ms. The forecast is made before the first "
        "request and knows nothing of what will fail. The earliest end is that of a fleet which knows the "
        "limits exactly: as many requests, with all that a day allows sent as its first seconds allow. The "
        f"end is to be within {BOUND:.0%} of both. The last day begins with a full budget, so the end alone "
        "would not tell of days that are used in part, or of too many requests: hence the most and the "
        "fewest requests of every second and day, wherever it begins, by the limits and by what the limiter "
        "promises. After a 429 requests leave later, and those of the next day too: so a day that begins in "
        f"the middle of a rush has fewer, and is given {BOUND:.0%} more time to hold what is asked for. A "
        "run that is not as asked for ends with an error."
    )
    return Table("Weeks in virtual time", notes, ("", "measured", "asked for"), rows)
