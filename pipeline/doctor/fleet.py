"""The fleet: workers that are alive, those that differ, queues that nobody reads, and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline import __version__
from pipeline.doctor.finding import Finding, ok, problem, warning
from pipeline.doctor.patient import Patient
from pipeline.ledger import Fleet, Member
from pipeline.settings import variable_of
from pipeline.settings.fingerprint import differing

# Names that are told of many.
TOLD_MOST = 5


def workers(patient: Patient) -> Iterator[Finding]:
    """Look who is alive, and whether all have this version and these settings."""
    members = patient.ledger.members()
    waiting = sum(counts.waiting for counts in patient.ledger.batches())
    fleet = Fleet.of(members)
    told = f"{fleet.workers} alive, with {fleet.calls} processes for calls and {fleet.media} for media"
    if not members and patient.is_embedded:
        yield ok("workers", "None is alive; `gong-ingest backfill` brings its own.")
    elif not (fleet.calls and fleet.media) and waiting:
        yield problem(
            "workers",
            f"{told}, and {waiting:,} recordings wait.",
            "gong-ingest worker" + ("" if not members else f" --queue {'media' if fleet.calls else 'calls'}"),
        )
    elif not (fleet.calls and fleet.media):
        yield warning(
            "workers",
            f"{told}; nothing waits.",
            "Start some before recordings are handed in: gong-ingest worker",
        )
    else:
        yield ok("workers", f"{told}.")
    yield from _strange(patient, members)


def _strange(patient: Patient, members: Sequence[Member]) -> Iterator[Finding]:
    others = [each for each in members if each.version != __version__]
    if others:
        yield warning(
            "versions",
            f"This is version {__version__}; {_named(others)} "
            f"{'is' if len(others) == 1 else 'are'} {_versions(others)}.",
            "Upgrade them all; versions side by side are only for the time of an upgrade.",
        )
    elif members:
        yield ok("versions", f"All workers are of version {__version__}, as this command is.")
    alike = [each for each in members if each.version == __version__]
    found = {each: differing(patient.settings, each.fingerprint) for each in alike}
    strange = {each: names for each, names in found.items() if names}
    for each, names in list(strange.items())[:TOLD_MOST]:
        yield warning(
            "shared settings",
            f"{each.name} has other values than this command for {', '.join(map(variable_of, names))}.",
            "Give all machines of one ledger the same; the limits of whoever asks hold.",
        )
    if alike and not strange:
        yield ok("shared settings", "All workers have the limits and times that this command has.")


def queues(patient: Patient) -> Iterator[Finding]:
    """Look for messages that nobody will read."""
    calls, media, unnamed = patient.store.run("queues")
    fleet = patient.ledger.fleet()
    unread = [
        f"{count:,} messages wait in {name}, which no worker reads"
        for name, count, processes in (("calls", calls, fleet.calls), ("media", media, fleet.media))
        if count and not processes
    ]
    for sentence in unread:
        name = sentence.split(" wait in ")[1].partition(",")[0]
        yield problem("queues", f"{sentence}.", f"gong-ingest worker --queue {name}")
    if unnamed:
        yield warning(
            "queues",
            f"{unnamed:,} messages wait in the queue celery, which no worker of this program reads.",
            "Something else uses this namespace; give it one of its own (GONG_INGEST_NAMESPACE).",
        )
    if not unread and not unnamed:
        yield ok("queues", f"{calls:,} messages in calls, {media:,} in media.")


def gate(patient: Patient) -> Iterator[Finding]:
    """Say whether requests may leave, and if not why."""
    closed = patient.limiter.gate()
    if closed is None:
        yield ok("gate", "It is open.")
    else:
        tell = warning if closed.mode == "timed" else problem
        yield tell("gate", f"{closed.sentence}.", ADVICE.get(closed.reason, ""))


# What to do about a gate, by its reason.
ADVICE = {
    "rate_limited": "Wait: the API said for how long. If it comes again, somebody else uses the same key.",
    "unauthorized": "Correct the key and its scopes; workers that are started anew try at once.",
    "wrong_address": "Correct GONG_BASE_URL; workers that are started anew try at once.",
    "failing": "Look at the API and the way to it; one request tries now and then.",
    "by_hand": "gong-ingest gate open",
}


def _named(members: Sequence[Member]) -> str:
    names = ", ".join(each.name for each in members[:TOLD_MOST])
    return f"{names} and {len(members) - TOLD_MOST} more" if len(members) > TOLD_MOST else names


def _versions(members: Sequence[Member]) -> str:
    return ", ".join(sorted({each.version or "older than that tell theirs" for each in members}))
