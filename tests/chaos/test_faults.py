"""Answers that are lost after the effect, connections reset before it, and errors, all together."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.chaos.arena import Arena, arena, new_seed
from tests.chaos.scenarios import scenario
from tests.chaos.telling import tell

RECORDINGS = 60
ENDPOINTS = {"POST": "create", "PUT": "media"}
# The simulator draws them one after the other, for what is left: each meets 20 % of all requests.
OF_WHAT_IS_LEFT = {"500": 0.2, "reset": 0.2 / 0.8, "lost": 0.2 / 0.6}
FAULTS = {f"{each}.{kind}": share for each in ENDPOINTS.values() for kind, share in OF_WHAT_IS_LEFT.items()}
# Of some 150 requests, 30 are to be expected and less than 10 not once in a million runs.
SHARE_AT_LEAST = 0.06


@scenario()
def test_backfill_settles_every_unknown_outcome() -> None:
    random = Random(new_seed())
    with arena(
        per_second=80,
        simulator={"seed": random.randrange(1000)},
        REQUEST_DEADLINE_S="1.5",
        READ_TIMEOUT_S="1.5",
        BACKOFF_CAP_S="1",
        CONNECT_TIMEOUT_S="1",
    ) as running:
        running.simulator.set_faults(FAULTS)
        running.fleet.add("calls", queues="calls", concurrency=6)
        running.fleet.add("media", queues="media", concurrency=16)
        running.hand_in("faults", RECORDINGS)
        counts = running.await_final("faults", within_s=120)
        shares = _shares(running)
        tell(*(f"{what}: {share:.0%}" for what, share in shares.items()))
        assert counts.done == RECORDINGS
        assert len(shares) == 2 * len(OF_WHAT_IS_LEFT)
        assert min(shares.values()) > SHARE_AT_LEAST
        assert running.audit() == []


def _shares(running: Arena) -> dict[str, float]:
    """Give what share of the requests of an endpoint met each kind of fault."""
    rows = running.simulator.record("calls=0")["requests"]
    made = Counter(method for _, method, *_ in rows)
    # Whoever was given up by a client that had no time is none of the faults.
    met = Counter((method, note) for _, method, _, _, note in rows if note not in {"", "aborted"})
    return {
        f"{ENDPOINTS[method]} {note}": count / made[method] for (method, note), count in sorted(met.items())
    }
