"""`python -m tests.chaos.soak --minutes 20 --seed 1`: rounds of recordings with all faults mixed at random.

After each round everything that happened since the start is audited. Exits with 1 when there is any finding.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from itertools import product
from random import Random

from tests.chaos.arena import Arena, arena
from tests.chaos.havoc import catch_a_message
from tests.chaos.telling import tell
from tests.waiting import await_true

RECORDINGS = range(200, 400)
ROUND_WITHIN_S = 240.0
FREEZE_S = (0.5, 5.0)
# A round is left in peace after so long, so that it can come to its end.
HAVOC_S = 25.0
PAUSE_S = (0.2, 1.5)
SHARES = {
    f"{endpoint}.{kind}": share
    for endpoint in ("create", "media")
    for kind, share in {"lost": 0.2, "reset": 0.2, "500": 0.2, "429": 0.01, "504": 0.05, "cut": 0.05}.items()
}


class Havoc:
    """What goes wrong in an arena, drawn from a seed, and how often it did."""

    def __init__(self, running: Arena, random: Random) -> None:
        self._arena = running
        self._random = random
        self._acts: list[tuple[Callable[[], object], int]] = [
            (lambda: running.fleet.kill_a_worker(random), 3),
            (lambda: running.fleet.kill_a_process(random), 6),
            (self._kill_server, 2),
            (self._freeze_server, 1),
            (self._change_faults, 4),
            (self._delete, 4),
            (self._double, 6),
        ]
        self.server_kills = self.server_freezes = self.deleted = self.doubled = 0

    def act(self) -> None:
        """Let one thing go wrong."""
        acts, weights = zip(*self._acts, strict=True)
        self._random.choices(acts, weights)[0]()

    def _kill_server(self) -> None:
        self._arena.server.kill()
        _pause(self._random.uniform(0, 2))
        self._arena.server.start()
        self.server_kills += 1

    def _freeze_server(self) -> None:
        self._arena.server.freeze()
        _pause(self._random.uniform(*FREEZE_S))
        self._arena.server.thaw()
        self.server_freezes += 1

    def _change_faults(self) -> None:
        kinds = self._random.sample(sorted(SHARES), self._random.randrange(len(SHARES)))
        self._arena.simulator.set_faults({kind: SHARES[kind] for kind in kinds})

    def _delete(self) -> None:
        self.deleted += catch_a_message(self._arena.server, copies=0)

    def _double(self) -> None:
        self.doubled += catch_a_message(self._arena.server, copies=2)


def _pause(for_s: float) -> None:
    until = time.monotonic() + for_s
    await_true(lambda: time.monotonic() >= until, "the time passes", within_s=for_s + 1)


def run_round(number: int, running: Arena, havoc: Havoc, random: Random) -> list[str]:
    """Bring a batch in while everything goes wrong; gives the findings of the audit."""
    batch = f"round-{number:03d}"
    running.hand_in(batch, random.choice(RECORDINGS))
    ends = time.monotonic() + HAVOC_S
    while running.ledger.counts(batch).waiting and time.monotonic() < ends:
        havoc.act()
        _pause(random.uniform(*PAUSE_S))
    running.simulator.set_faults({})
    try:
        running.await_final(batch, within_s=ROUND_WITHIN_S)
    except TimeoutError as error:
        return [str(error), *running.audit()]
    return running.audit()


def soak(minutes: float, seed: int) -> int:
    """Run rounds until the time is over or one has a finding; gives the exit code.

    The seed decides what goes wrong and in which order; when it meets the fleet, the machine decides.
    """
    random = Random(seed)
    tell(f"seed {seed}, {minutes:g} minutes")
    ends = time.monotonic() + 60 * minutes
    findings: list[str] = []
    number = 0
    with arena(per_second=30, simulator={"seed": seed}) as running:
        havoc = Havoc(running, random)
        for queue, name in product(("calls", "media"), ("one", "two")):
            running.fleet.add(f"{queue}-{name}", queues=queue, concurrency=4)
        while time.monotonic() < ends and not findings:
            began = time.monotonic()
            number += 1
            findings = run_round(number, running, havoc, random)
            _tell_round(number, time.monotonic() - began, running, findings)
        _tell_table(number, running, havoc, findings)
    return 1 if findings else 0


def _tell_round(number: int, took_s: float, running: Arena, findings: list[str]) -> None:
    counts = running.ledger.counts(f"round-{number:03d}")
    what = f"{counts.done} of {counts.total} done in {took_s:.0f} s, {len(findings)} findings"
    tell(f"round {number}: {what}", *(f"  {finding}" for finding in findings))


def _tell_table(rounds: int, running: Arena, havoc: Havoc, findings: list[str]) -> None:
    notes = running.simulator.record("calls=0&requests=0")["notes"]
    rows = {
        "rounds": rounds,
        "recordings": len(running.recordings),
        "requests": running.seen(),
        "kills of workers and processes": running.fleet.kills,
        "restarts of workers": running.fleet.restarts,
        "kills of the server": havoc.server_kills,
        "freezes of the server": havoc.server_freezes,
        "messages deleted": havoc.deleted,
        "messages doubled": havoc.doubled,
        "answers lost or cut": notes.get("lost", 0) + notes.get("cut", 0),
        "connections reset": notes.get("reset", 0),
        "errors, 429s and timeouts injected": notes.get("injected", 0),
        "findings": len(findings),
    }
    tell(*(f"{name:<36}{value:>8,}" for name, value in rows.items()))


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    arguments = parser.parse_args()
    return soak(arguments.minutes, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
