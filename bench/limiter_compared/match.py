"""One contender against one policy at one rate, with a simulator and a server of its own."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from bench.figures import fairness, percentile, use
from bench.limiter_compared.ours import PER_DAY, missed_and_late
from bench.limiter_compared.process import WARM_UP_S, Plan, work
from bench.limiter_compared.score import PROCESSES, Match, Score
from tests.servers import Server, running_server
from tests.simulators import Simulator, running_simulator

LATENCY = "0.05-0.4"
# What contenders send themselves. The server counts what runs within a script under its own name too.
COMMANDS = ("evalsha", "eval", "zremrangebyscore")


def play(match: Match) -> Score:
    """Run one match."""
    options = {
        "policy": match.policy,
        "requests_per_second": match.per_second,
        "requests_per_day": PER_DAY,
        "latency": LATENCY,
    }
    with running_server(appendonly="no") as server, running_simulator(**options) as simulator:
        return _play(match, server, simulator)


def _play(match: Match, server: Server, simulator: Simulator) -> Score:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        ready = manager.Barrier(PROCESSES)
        plans = [
            Plan(
                match.contender,
                number,
                match.threads,
                server.url,
                simulator.url,
                match.per_second,
                match.seconds,
            )
            for number in range(PROCESSES)
        ]
        tallies = list(pool.map(work, plans, repeat(ready)))
    accepted, rejected = sum(each.accepted for each in tallies), sum(each.rejected for each in tallies)
    acquires_s = [acquire_s for each in tallies for acquire_s in each.acquires_s]
    return Score(
        match,
        _use(simulator, match.per_second),
        accepted,
        rejected,
        _commands(server) / max(1, accepted),
        fairness([each.accepted for each in tallies]),
        percentile(acquires_s, 0.5),
        percentile(acquires_s, 0.99),
        *missed_and_late(server.url),
    )


def _use(simulator: Simulator, per_second: int) -> float:
    """Give the use of the allowed rate as the API saw it."""
    rows = simulator.record("calls=0")["requests"]
    if not rows:
        return 0.0
    starts_at_s, ends_at_s = rows[0][0] + WARM_UP_S, rows[-1][0]
    accepted = [at_s for at_s, _, _, status, _ in rows if status == 200]
    return use(accepted, per_second, starts_at_s, ends_at_s)


def _commands(server: Server) -> int:
    statistics = server.client.info("commandstats")
    return sum(int(statistics.get(f"cmdstat_{name}", {"calls": 0})["calls"]) for name in COMMANDS)
