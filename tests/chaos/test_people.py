"""Whoever reads the list of users is killed; it is read to its end, and nobody has another's recordings."""

from __future__ import annotations

import json
from random import Random

from pipeline.ledger import Manifests
from pipeline.manifest import read_manifest
from pipeline.producer import Handed, Producer, Source
from tests.chaos.arena import Arena, arena, new_seed
from tests.chaos.recordings import USER_ID, write_manifest, write_recordings
from tests.chaos.scenarios import scenario
from tests.waiting import await_true

USERS, PAGES, RECORDINGS, KILLS = 1_000, 10, 20, 3
FIRST_ID = 5_000_000_000_000_000_000


@scenario(waits_s=20)
def test_list_of_users_survives_the_kills_of_its_readers() -> None:
    random = Random(new_seed())
    with arena(per_second=20, simulator={"users": USERS}, LEASE_TTL_S="8") as running:
        running.simulator.set_faults({"users.slow": ":0.2-0.2"})
        for name in ("one", "two"):
            running.fleet.add(name, concurrency=2)
        expected = _hand_in_by_address(running, "people", random)
        # so many pages were asked for when the next kill comes, of whoever reads then
        for pages in range(2, 2 + 2 * KILLS, 2):
            _await_pages(running, pages)
            running.fleet.kill_a_worker(random)
        running.await_final("people", within_s=120)

        assert {name: call["body"]["primaryUser"] for name, call in running.calls().items()} == expected
        # A kill costs the page that was under way, and that only if it hit its reader.
        assert PAGES <= _asked(running) <= PAGES + KILLS
        assert running.audit() == []


def _hand_in_by_address(running: Arena, batch: str, random: Random) -> dict[str, str]:
    """Hand in recordings of users by their addresses; gives the id that each is to have."""
    folder = running.folder / "media"
    recordings = write_recordings(folder / batch, [f"{batch}-{each:04d}" for each in range(RECORDINGS)])
    running.recordings += recordings
    manifest = write_manifest(folder / f"{batch}.jsonl", recordings)
    enabled = [number for number in range(1, USERS + 1) if number % 10 and number % 25]
    users = random.sample(enabled, RECORDINGS)
    lines = manifest.read_text("utf-8").splitlines()
    named = [line.replace(USER_ID, _address(user)) for line, user in zip(lines, users, strict=True)]
    manifest.write_text("\n".join(named), "utf-8")
    producer = Producer(running.ledger, Manifests(running.ledger._store), batch=batch)
    for handed in producer.backfill(read_manifest(manifest), Source(batch)):
        assert isinstance(handed, Handed), json.dumps(handed.raw)
    return {each.client_unique_id: str(FIRST_ID + user) for each, user in zip(recordings, users, strict=True)}


def _address(user: int) -> str:
    return f"alias.{user}@simulated-company.com" if user % 3 == 0 else f"User.{user}@simulated-company.com"


def _await_pages(running: Arena, count: int) -> None:
    await_true(lambda: _asked(running) >= count, f"{count} pages were asked for", within_s=60)


def _asked(running: Arena) -> int:
    return sum(path == "/v2/users" for _, _, path, *_ in running.simulator.record()["requests"])
