"""Events reach their receiver and their readers whole, whatever is killed on the way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import redis

from tests.chaos.arena import Arena, arena
from tests.chaos.recordings import write_recordings
from tests.chaos.scenarios import scenario
from tests.chaos.telling import tell
from tests.hook import SECRET, Hook, running_hook
from tests.waiting import await_true

BATCH, RECORDINGS, MISSING = "told", 40, 4
GROUP, READER = "crm", "reader-1"
# A little less than a worker waits for.
STANDS_S = 8


@scenario(waits_s=15)
def test_every_event_is_delivered_although_workers_server_and_receiver_are_killed() -> None:
    with (
        arena(EVENTS_KEPT="1000", WEBHOOK_SECRET=SECRET) as running,
        running_hook(running.folder / "hook") as hook,
    ):
        running.fleet.environment["GONG_INGEST_WEBHOOK_URL"] = hook.url
        hook.answer(503, share=0.1, wait_s=0.02)
        for name in ("one", "two"):
            running.fleet.add(name, concurrency=2)
        await_true(
            lambda: running.server.client.exists(running.key("webhook")), "events are wanted", within_s=30
        )
        _hand_in_with_missing_media(running)
        _await_taken(hook, 5)
        _kill_who_delivers(running, hook)
        _await_taken(hook, 12)
        running.server.restart()
        _await_taken(hook, 20)
        hook.end()
        running.await_final(BATCH, within_s=60)
        hook.start()
        hook.answer(204)
        _await_taken(hook, RECORDINGS + 1)

        taken = list(_first_of_each(hook))
        tell(f"{len(hook.deliveries())} deliveries of {len(taken)} events.")
        assert all(each["is_genuine"] for each in hook.deliveries())
        assert _told(each["event"] for each in taken) == _expected(running)
        # in the order in which they came about, which a reader of the stream sees as well
        read = list(_read_as_a_group(running))
        assert [each["id"] for each in taken] == [f"chaos-{event_id}" for event_id, _ in read]
        assert [each["event"]["type"] for each in taken] == [fields["type"] for _, fields in read]
        assert taken[-1]["event"]["data"] == {
            "batch": BATCH,
            "done": RECORDINGS - MISSING,
            "dead": MISSING,
            "cancelled": 0,
            "rejected": 0,
        }
        missing = frozenset(each.client_unique_id for each in running.recordings if not each.path.exists())
        assert running.audit(dead_expected=missing) == []


def _hand_in_with_missing_media(running: Arena) -> None:
    names = [f"{BATCH}-{number:04d}" for number in range(RECORDINGS)]
    running.recordings += write_recordings(running.folder / "media" / BATCH, names)
    for each in running.recordings[:MISSING]:
        each.path.unlink()
    running.submit(BATCH, running.recordings)


def _await_taken(hook: Hook, count: int) -> None:
    await_true(lambda: len(list(_first_of_each(hook))) >= count, f"{count} events are taken", within_s=60)


def _kill_who_delivers(running: Arena, hook: Hook) -> None:
    """Kill the worker that has the duty while the receiver keeps it waiting."""
    hook.answer(204, wait_s=STANDS_S)
    # One that came before may still be answered at once.
    before = len(hook.arrivals())
    await_true(lambda: len(hook.arrivals()) > before, "it is kept waiting", within_s=30)
    cut_off = hook.arrivals()[-1]
    holder = running.server.client.hget(running.key("duties"), "webhook").split()[1]
    (worker,) = [each for each in running.fleet.workers if holder.startswith(f"{each.name}@")]
    worker.signal_all(signal.SIGKILL)
    hook.answer(503, share=0.1, wait_s=0.02)
    # nobody noted what became of that one, so it comes again
    await_true(lambda: hook.arrivals().count(cut_off) > 1, "it is delivered again", within_s=60)


def _first_of_each(hook: Hook) -> Iterator[dict[str, Any]]:
    """Give the first delivery of each event that was taken, as a receiver does that knows ids."""
    seen: set[str] = set()
    for each in hook.deliveries():
        if each["status"] < 300 and each["id"] not in seen:
            seen.add(each["id"])
            yield each


def _told(events: Iterator[dict[str, Any]]) -> set[tuple[str, str | None, str | None]]:
    return {
        (each["type"], each["data"].get("client_unique_id"), each["data"].get("call_id")) for each in events
    }


def _expected(running: Arena) -> set[tuple[str, str | None, str | None]]:
    calls = running.calls()
    names = [each.client_unique_id for each in running.recordings]
    done = {("recording.done", name, calls[name]["callId"]) for name in names[MISSING:]}
    dead = {("recording.dead", name, None) for name in names[:MISSING]}
    return done | dead | {("batch.finished", None, None)}


def _read_as_a_group(running: Arena) -> Iterator[tuple[str, dict[str, str]]]:
    """Read the stream as others do: a group, from its beginning, with nothing but a client of Redis."""
    client: Any = redis.Redis.from_url(running.server.url, decode_responses=True)
    stream = running.key("events")
    client.xgroup_create(stream, GROUP, id="0")
    while answer := client.xreadgroup(GROUP, READER, {stream: ">"}, count=10):
        for event_id, fields in answer[0][1]:
            yield event_id, fields
            client.xack(stream, GROUP, event_id)
    assert client.xpending(stream, GROUP)["pending"] == 0
    client.close()
