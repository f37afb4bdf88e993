"""The workers of a simulated fleet: each asks the limiter, waits as it is told, sends, and asks again.

Nineteen workers in twenty have a backfill that never ends; the others wait for live requests, which come at
random instants (Poisson). The wait of a live request ends when it leaves for good: a 429 prolongs it.

Invariants: as in `pipeline/steps/slot.py`, a slot that a notice takes back is not used, and one that a notice
moves is used at its new instant. Who is refused for the day, or by the gate, gives the job back; then one
asks for a whole lane, live before backfill, as the dispatcher does. The way to the limiter takes no time.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from random import Random
from typing import Any

from bench.limiter_virtual.api import Api
from bench.limiter_virtual.world import World
from pipeline.job import Lane
from pipeline.limiter import Limiter, Refusal, Slot
from pipeline.limiter.notices import apply

LIVE_EVERY_S = 300.0
LIVE_SHARE_OF_WORKERS = 0.05
ANSWER_WITHIN_S = 20.0
RATE_LIMITED = "The simulated API answered 429."


class Worker:
    """One process: it has at most one request, and at most one slot."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.slot: Slot | None = None
        self.came_s = 0.0


class Fleet:
    """Workers that share a limiter.

    Args:
        listener: A subscription to the limiter's notices.
        tells_limiter: Whether a 429 reaches the limiter. If not, its margin stays what it is, and the fleet
            asks for nothing until the Retry-After is over; slots that were bound before are used.
    """

    def __init__(
        self,
        world: World,
        api: Api,
        limiter: Limiter,
        listener: Any,
        random: Random,
        *,
        workers: int,
        tells_limiter: bool,
    ) -> None:
        self._world = world
        self._api = api
        self._limiter = limiter
        self._listener = listener
        self._random = random
        self._tells_limiter = tells_limiter
        self._paused_until_s = 0.0
        self._heard = 0
        # A dict for its order: the same seed gives the same run.
        self._holders: dict[Worker, None] = {}
        live = max(1, round(workers * LIVE_SHARE_OF_WORKERS))
        self._free = [Worker(Lane.LIVE) for _ in range(live)]
        self._backfill = [Worker(Lane.BACKFILL) for _ in range(workers - live)]
        self._idle: dict[Lane, deque[Worker]] = {lane: deque() for lane in Lane}
        self._closed_until_s = dict.fromkeys(Lane, 0.0)
        self._live_came_s: deque[float] = deque()
        self.live_waits_s: list[float] = []

    def start(self) -> None:
        """Let every worker begin within a second, and live requests come."""
        for worker in self._backfill:
            self._world.after(self._random.random(), partial(self._ask, worker))
        self._plan_live()

    def _plan_live(self) -> None:
        self._world.after(self._random.expovariate(1 / LIVE_EVERY_S), self._live_comes)

    def _live_comes(self) -> None:
        self._live_came_s.append(self._world.now_s)
        self._plan_live()
        self._work_on_live()

    def _work_on_live(self) -> None:
        if self._free and self._live_came_s:
            worker = self._free.pop()
            worker.came_s = self._live_came_s.popleft()
            self._ask(worker)

    def _ask(self, worker: Worker) -> None:
        pause_s = self._paused_until_s - self._world.now_s
        if pause_s > 0:
            self._world.after(pause_s, partial(self._ask, worker))
            return
        if self._world.now_s < self._closed_until_s[worker.lane]:
            self._idle[worker.lane].append(worker)
            return
        answer = self._limiter.acquire(worker.lane)
        if isinstance(answer, Refusal):
            self._wait_as_told(worker, answer)
            return
        if answer.notice > self._heard:
            self._listen()
        self._hold(worker, answer)

    def _wait_as_told(self, worker: Worker, refusal: Refusal) -> None:
        ends_s = self._world.now_s + refusal.wait_s
        if refusal.reason == "second":
            self._world.at(ends_s, partial(self._ask, worker))
            return
        self._idle[worker.lane].append(worker)
        self._closed_until_s[worker.lane] = ends_s
        self._world.at(ends_s, self._ask_for_the_idle)

    def _ask_for_the_idle(self) -> None:
        """Let one after the other ask, live first, as long as it is not refused again."""
        for lane in (Lane.LIVE, Lane.BACKFILL):
            while self._idle[lane] and self._world.now_s >= self._closed_until_s[lane]:
                self._ask(self._idle[lane].popleft())

    def _hold(self, worker: Worker, slot: Slot) -> None:
        worker.slot = slot
        self._holders[worker] = None
        self._world.at(slot.at_us / 1e6, partial(self._leave, worker, slot))

    def _leave(self, worker: Worker, slot: Slot) -> None:
        # The slot may have been taken back or moved since this was planned.
        if worker.slot is not slot:
            return
        worker.slot = None
        del self._holders[worker]
        left_s = self._world.now_s
        self._api.send(partial(self._answered, worker, left_s))

    def _answered(self, worker: Worker, left_s: float, retry_s: int) -> None:
        if retry_s:
            self._note_rate_limit(retry_s)
            self._ask(worker)
        elif worker.lane is Lane.LIVE:
            self.live_waits_s.append(left_s - worker.came_s)
            self._free.append(worker)
            self._work_on_live()
        else:
            self._ask(worker)

    def _note_rate_limit(self, retry_s: int) -> None:
        if self._tells_limiter:
            self._limiter.close_for(retry_s, RATE_LIMITED)
            self._listen()
        else:
            self._paused_until_s = self._world.now_s + retry_s

    def _listen(self) -> None:
        """Hear every notice given so far: what answers a ping comes after all that was published before."""
        self._listener.ping()
        while (message := self._listener.get_message(timeout=ANSWER_WITHIN_S)) is not None:
            if message["type"] == "pong":
                return
            if message["type"] == "message":
                self._follow(str(message["data"]))
        raise TimeoutError("The limiter's server did not answer the ping of its listener.")

    def _follow(self, notice: str) -> None:
        self._heard = int(notice.split(maxsplit=1)[0])
        for worker in list(self._holders):
            slot = worker.slot
            followed = apply(notice, slot) if slot else None
            if followed is slot or slot is None:
                continue
            worker.slot = followed
            if followed is None:
                del self._holders[worker]
                self._world.after(0.0, partial(self._ask, worker))
            else:
                self._world.at(followed.at_us / 1e6, partial(self._leave, worker, followed))
