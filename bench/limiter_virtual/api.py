"""The API of a simulated company: judges by its policy when a request arrives, and answers after a while.

The second is counted as the policy says, the day always as a rolling one: that is the strictest of the three,
and `API.md` does not say how Gong counts.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from bench.limiter_virtual.world import World
from pipeline.simulator.limits import make_budget, retry_after_s

DAY_S = 86_400.0
# How long an answer takes, drawn evenly.
ANSWER_S = (0.05, 0.4)

# Called with 0 when the request was accepted, else with the Retry-After in seconds.
Answered = Callable[[int], None]


class Network:
    """The way to the API and back: each takes an exponential time with the given mean."""

    def __init__(self, random: Random, mean_s: float) -> None:
        self._random = random
        self._mean_s = mean_s

    def delay_s(self) -> float:
        """Draw the time of one way."""
        return self._random.expovariate(1 / self._mean_s) if self._mean_s else 0.0


class Api:
    """Takes requests from the network, and counts what it accepts and rejects."""

    def __init__(
        self, world: World, network: Network, random: Random, *, policy: str, per_second: float, per_day: int
    ) -> None:
        self._world = world
        self._network = network
        self._random = random
        wall_start_s = world.now_s
        self._budgets = (
            make_budget(policy, per_second, 1.0, wall_start_s),
            make_budget("sliding", per_day, DAY_S, wall_start_s),
        )
        self.accepted = 0
        self.rejected = 0

    def send(self, answered: Answered) -> None:
        """Let a request leave now; `answered` is called when its answer is back."""
        self._world.after(self._network.delay_s(), lambda: self._judge(answered))

    def _judge(self, answered: Answered) -> None:
        wait_s = self._admit(self._world.elapsed_s)
        retry_s = retry_after_s(wait_s) if wait_s else 0
        takes_s = self._random.uniform(*ANSWER_S) + self._network.delay_s()
        self._world.after(takes_s, lambda: answered(retry_s))

    def _admit(self, now_s: float) -> float:
        wait_s = max(budget.wait_s(now_s) for budget in self._budgets)
        if wait_s:
            self.rejected += 1
            return wait_s
        for budget in self._budgets:
            budget.take(now_s)
        self.accepted += 1
        return 0.0
