"""Answers that are lost after the effect, connections reset before it, and errors, all together."""

from __future__ import annotations

from random import Random

from tests.chaos.arena import arena, new_seed

RECORDINGS = 24
FAULTS = {f"{endpoint}.{kind}": 0.2 for endpoint in ("create", "media") for kind in ("lost", "reset", "500")}


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
        counts = running.await_final("faults", within_s=60)
        notes = running.simulator.record("calls=0&requests=0")["notes"]
        assert counts.done == RECORDINGS
        assert min(notes["lost"], notes["reset"], notes["injected"]) >= 5
        assert running.audit() == []
