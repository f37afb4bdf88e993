"""Batches whose media lies below roots of their own, brought in by each other's workers."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

from tests.recordings import Recordings, make_call, media_in, wav, write_jsonl
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

COUNT = 6


def recordings_of(folder: Path, name: str) -> Recordings:
    """Make recordings whose files are named as those of every other batch."""
    root = folder / name
    root.mkdir()
    rows = []
    for number in range(COUNT):
        (root / f"{number}.wav").write_bytes(wav(random.Random(f"{name}-{number}").randbytes(4_000)))
        rows.append({"call": make_call(f"{name}-{number}"), "media": f"{number}.wav"})
    write_jsonl(root / f"{name}.jsonl", rows)
    return Recordings(root / f"{name}.jsonl", rows)


def uploads_to(simulator: Simulator) -> int:
    return int(simulator.record("calls=0&requests=0")["totals"].get("media", {}).get("201", 0))


@scenario()
def test_media_is_looked_for_where_its_own_batch_has_it_whichever_run_brings_it_in(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    one, two, three = (recordings_of(folder, name) for name in ("one", "two", "three"))
    for waiting in (one, three):
        assert machine.run("backfill", waiting.manifest, "--no-wait").code == 0

    finished = machine.run("backfill", two.manifest, "--json")

    assert (finished.code, finished.document["done"]) == (0, COUNT), finished.written
    brought = {call["clientUniqueId"].partition("-")[0] for call in simulator.record("requests=0")["calls"]}
    assert brought == {"one", "two", "three"}
    # What is left is for a worker that is told no root at all.
    worker = machine.start("worker")
    await_true(lambda: uploads_to(simulator) == 3 * COUNT, "all are in", within_s=60)
    worker.interrupt(signal.SIGTERM)
    worker.finish()
    assert media_in(simulator) == one.expected() | two.expected() | three.expected()
    assert machine.run("dead", "--json").document["batches"] == []


@scenario()
def test_recordings_of_one_batch_may_lie_below_several_roots(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    one, two = (recordings_of(folder, name) for name in ("one", "two"))
    assert machine.run("backfill", one.manifest, "--batch", "all", "--no-wait").code == 0

    finished = machine.run("backfill", two.manifest, "--batch", "all", "--json")

    assert (finished.code, finished.document["done"]) == (0, 2 * COUNT), finished.written
    assert media_in(simulator) == one.expected() | two.expected()


@scenario()
def test_what_was_handed_in_without_a_root_is_not_looked_for_below_that_of_a_run(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    one, two = (recordings_of(folder, name) for name in ("one", "two"))
    line = one.manifest.read_text("utf-8").splitlines()[0]
    assert machine.run("enqueue", text=line + "\n").code == 0

    finished = machine.run("backfill", two.manifest, "--json")

    assert finished.code == 0, finished.written
    assert media_in(simulator) == two.expected()
    worker = machine.start("worker", settings={"GONG_INGEST_MEDIA_ROOTS": str(one.folder)})
    await_true(lambda: uploads_to(simulator) == COUNT + 1, "the other is in", within_s=60)
    worker.interrupt(signal.SIGTERM)
    worker.finish()
    name = json.loads(line)["call"]["clientUniqueId"]
    assert media_in(simulator)[name] == one.expected()[name]
