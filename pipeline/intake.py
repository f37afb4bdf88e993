"""The intake: messages by which systems with a Celery client hand recordings in, on their way to the ledger.

Invariants: the message is the only copy until the ledger has what it holds, so it stays where it is until
then, and is taken away in one with the record of why it was refused. Whoever is killed in between leaves it
there: handed in again it is known. What is refused is kept as a rejected row of the manifest `calls.submit`.
How a message is read, and who looks when, is left to `workers`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from pipeline.client import LIVE_BATCH
from pipeline.errors import CallInvalid, Conflict, MessageMalformed, Problem
from pipeline.job import Lane, Receipt, Submission
from pipeline.ledger import INTAKE_KEPT, INTAKE_MANIFEST, Ledger
from pipeline.manifest import RejectedRow, UncheckedRow
from pipeline.manifest.row import ROW_MALFORMED
from pipeline.producer import kept_of
from pipeline.recording import RECORDING_MAX_BYTES, checked
from pipeline.store import Clock, Store

log = logging.getLogger(__name__)

DUTY = "intake"
# After so long another worker goes on where one was killed.
DUTY_S = 3.0
LOOK_MESSAGES, LOOK_BYTES = 200, 4 << 20
# A recording of the greatest length, as text within text and in base64, with what Celery puts around it.
MESSAGE_MAX_BYTES = 3 * RECORDING_MAX_BYTES


@dataclass(frozen=True, slots=True)
class Message:
    """A message that waits.

    Attributes:
        list_name: Where it waits.
        digest: By which it is found there again.
        size_bytes: Of all of it.
        text: As it lies there; of one that is longer than `MESSAGE_MAX_BYTES` the beginning. What is not
            UTF-8 in it stands as surrogates (PEP 383).
    """

    list_name: str
    digest: str
    size_bytes: int
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a message asks for: that a recording be handed in.

    Attributes:
        members: The recording, `{"call": {…}, "media": "…"}`; nobody has looked at it yet.
        text: What a person reads of the message if it is refused.
    """

    members: dict[str, Any]
    batch: str
    lane: Lane
    text: str


Read = Callable[[Message], Request]
"""Reads a message; raises `MessageMalformed`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What was done in one turn.

    Attributes:
        is_mine: Whether this worker has the duty; if not, nothing was done.
        found: How many messages there were.
        taken: How many were taken away; others were, by a worker that had the duty too.
        refused: Those that were found to be wrong.
    """

    is_mine: bool
    found: int = 0
    taken: int = 0
    refused: tuple[RejectedRow, ...] = ()


class Intake:
    """The messages that wait in one namespace, as one worker sees them.

    Every method raises `LedgerUnreachable` when the server cannot be used; no message is lost then.

    Args:
        store: The connection to the server; one that reads what is not UTF-8.
        ledger: Where recordings are written.
        worker: Its name.
        lists: Where messages wait, the first one first.
        clock: Instead of the server's, for tests.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        worker: str,
        lists: Sequence[str],
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._worker = worker
        self._lists = tuple(lists)
        self._clock = clock

    def turn(self, read: Read) -> Turn:
        """Hand in what waits, as much as one round trip carries, unless another worker does."""
        messages = self._look()
        if messages is None:
            return Turn(is_mine=False)
        ready = [_ready(message, read) for message in messages]
        handed = [each for run in _runs(ready) for each in self._submitted(run)]
        taken, _ = self._take(handed) if handed else (0, 0)
        refused = tuple(each.rejected for each in handed if each.rejected)
        return Turn(is_mine=True, found=len(messages), taken=taken, refused=refused)

    def wait(self, timeout_s: int) -> None:
        """Wait for a message in the first list."""
        self._store.wait_for_message(self._lists[0], timeout_s)

    def leave(self) -> None:
        """Leave the duty to another worker."""
        self._store.run("leave_duty", DUTY, self._worker)

    def _look(self) -> list[Message] | None:
        limits = (LOOK_MESSAGES, LOOK_BYTES, MESSAGE_MAX_BYTES)
        whose, *found = self._store.run(
            "look_at_intake", self._now(), self._worker, round(DUTY_S * 1000), *limits, *self._lists
        )
        return [Message(*values) for values in found] if whose == "mine" else None

    def _submitted(self, run: Sequence[_Ready]) -> Iterator[_Ready]:
        """Submit what is right of messages for one batch and lane."""
        submissions = [each.submission for each in run if each.submission]
        receipts = iter(self._ledger.submit(submissions, batch=run[0].batch, lane=run[0].lane))
        return (_told(each, next(receipts)) if each.submission else each for each in run)

    def _take(self, handed: Sequence[_Ready]) -> tuple[int, int]:
        values: list[str] = []
        for each in handed:
            values += (each.message.list_name, each.message.digest)
            values += _refusal(each.batch, each.rejected) if each.rejected else ("", "", "", "")
        taken, refused = self._store.run(
            "take_from_intake", self._now(), INTAKE_MANIFEST, INTAKE_KEPT, *values
        )
        return int(taken), int(refused)

    def _now(self) -> str | int:
        return "" if self._clock is None else round(self._clock() * 1000)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message that was read: there is something to submit, or it is rejected."""

    message: Message
    batch: str
    lane: Lane
    row: UncheckedRow | None = None
    submission: Submission | None = None
    rejected: RejectedRow | None = None


def _ready(message: Message, read: Read) -> _Ready:
    """Read a message and what it holds; nothing that stands in it may keep those behind it waiting."""
    try:
        return _looked_at(message, read(message))
    except MessageMalformed as refused:
        malformed = refused
    except Exception:
        log.exception("A message of the intake could not be read.")
        malformed = MessageMalformed(
            Problem("", "this program fails to read it; see its log"), text=message.text
        )
    row = UncheckedRow(0, malformed.call, None, _bytes_of(malformed.text))
    rejected = replace(row.rejected(ROW_MALFORMED, malformed.problems), code=malformed.code)
    return _Ready(message, LIVE_BATCH, Lane.LIVE, rejected=rejected)


def _looked_at(message: Message, request: Request) -> _Ready:
    call, media = request.members.get("call"), request.members.get("media")
    row = UncheckedRow(0, call, media if isinstance(media, str) else None, _bytes_of(request.text))
    ready = _Ready(message, request.batch, request.lane, row)
    try:
        return replace(ready, submission=checked(request.members))
    except CallInvalid as refused:
        return replace(ready, rejected=row.rejected(refused.code, refused.problems))


def _runs(ready: Sequence[_Ready]) -> Iterator[list[_Ready]]:
    """Cut what was read into runs for one batch and lane; so of two for one recording the first one stays."""
    return (list(run) for _, run in groupby(ready, key=lambda each: (each.batch, each.lane)))


def _told(each: _Ready, receipt: Receipt) -> _Ready:
    if receipt.result != "conflict" or not each.submission or not each.row:
        return each
    conflict = Conflict(each.submission.client_unique_id, state=receipt.state, batch=receipt.batch)
    return replace(each, rejected=each.row.rejected(conflict.code, conflict.problems))


def _refusal(batch: str, row: RejectedRow) -> tuple[str, str, str, str]:
    return batch, kept_of(row, stands_so=False).encode(), row.client_unique_id or "", row.code


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
