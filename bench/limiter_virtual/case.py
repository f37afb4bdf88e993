"""One run of a simulated fleet, with a server of its own."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import redis

from bench.limiter_virtual.api import DAY_S, Api, Network
from bench.limiter_virtual.fleet import Fleet
from bench.limiter_virtual.world import World
from pipeline.limiter import Limiter, Limits
from pipeline.store import Store
from tests.servers import Server, running_server

NAMESPACE = "bench"
PER_SECOND = 3.0
LIVE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """What is simulated.

    Attributes:
        jitter_s: Mean of the exponential time that one way through the network takes.
        tells_limiter: Whether a 429 reaches the limiter; if not, its margin stays what it is.
    """

    policy: str
    jitter_s: float
    span_s: float
    per_day: int
    margin: float = 0.01
    workers: int = 100
    tells_limiter: bool = True
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        use: Accepted requests by those that the limits allow in that time.
        round_trips: Scripts that the limiter ran on its server.
        margin: The margin in force at the end.
    """

    case: Case
    accepted: int
    rejected: int
    use: float
    live_waits_s: tuple[float, ...]
    round_trips: int
    margin: float

    @property
    def rejected_an_hour(self) -> float:
        """Give the 429s an hour."""
        return self.rejected / self.case.span_s * 3600


def simulate(case: Case) -> Outcome:
    """Run one case on a server of its own."""
    with running_server(appendonly="no") as server:
        return _simulate(case, server)


def _simulate(case: Case, server: Server) -> Outcome:
    store = Store(server.url, NAMESPACE)
    # Version 2 of the protocol: in version 3, redis-py mistakes the answer to a subscriber's ping.
    client = redis.Redis.from_url(server.url, decode_responses=True, protocol=2)
    listener = client.pubsub()  # type: ignore[no-untyped-call]  # redis-py has none
    listener.subscribe(f"{NAMESPACE}:notices")
    random, world = Random(case.seed), World()
    limits = Limits(PER_SECOND, case.per_day, case.margin, 1, LIVE_SHARE)
    limiter = Limiter(store, limits, clock=world.clock)
    api = Api(
        world,
        Network(random, case.jitter_s),
        random,
        policy=case.policy,
        per_second=PER_SECOND,
        per_day=case.per_day,
    )
    fleet = Fleet(
        world, api, limiter, listener, random, workers=case.workers, tells_limiter=case.tells_limiter
    )
    fleet.start()
    world.run(case.span_s)
    round_trips = server.client.info("commandstats")["cmdstat_evalsha"]["calls"]
    outcome = Outcome(
        case,
        api.accepted,
        api.rejected,
        api.accepted / _allowed(case),
        tuple(fleet.live_waits_s),
        round_trips,
        limiter.in_force().margin,
    )
    listener.close()
    client.close()
    store.close()
    return outcome


def _allowed(case: Case) -> float:
    """Give the requests that the limits allow: the day's budget of a day that has begun is there at once."""
    days, rest_s = divmod(case.span_s, DAY_S)
    last_day = min(float(case.per_day), rest_s * PER_SECOND)
    return min(case.span_s * PER_SECOND, days * case.per_day + last_day)
