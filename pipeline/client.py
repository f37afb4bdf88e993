"""What other systems hand recordings in by, and ask what became of them (docs/enqueue.md).

Invariants: an answer is given when the ledger has written the recording, and never before. The same recording
handed in again, by whomever, is one job. Importing this takes redis, marshmallow and platformdirs, and
nothing of what carries the work or speaks to the API.
Rows of manifests, their lines and the file of rejected ones are left to `producer`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Literal, Self

from pipeline.call import Call
from pipeline.errors import (
    CallInvalid,
    Conflict,
    LedgerRefused,
    LedgerUnreachable,
    RecordingUnknown,
    SettingsInvalid,
)
from pipeline.job import (
    BATCH_NAME_MAX_CHARACTERS,
    Lane,
    Receipt,
    State,
    Submission,
    is_batch_name,
    job_id_of,
)
from pipeline.ledger import Control, Ledger, Record, in_bundles
from pipeline.recording import checked
from pipeline.settings import Settings
from pipeline.store import Store

LIVE_BATCH = "live"

# Whoever waits looks that often at first, and less often the longer it takes.
LOOK_INTERVAL_S, LOOK_INTERVAL_MAX_S, SHARE_OF_WAIT = 0.25, 5.0, 0.1

Answer = Receipt | CallInvalid | Conflict
"""What `enqueue_many` says to a recording: its receipt, or why it was refused."""

LaneName = Lane | Literal["live", "backfill"]


class Pipeline:
    """Hands recordings in, and tells what became of them.

    Close it at the end, or use it as a context manager. One may be shared between threads, not between
    processes. Without a configured server it uses the embedded one of its data folder, as every command on
    this machine does.

    Args:
        settings: Where the ledger is.
        batch: Under which name the recordings are counted and reported.
        store: A connection of the caller's own, who closes it; one is opened when left out.

    Raises:
        SettingsInvalid: The batch's name cannot be one, or the server would lose jobs.
        LedgerUnreachable: The server cannot be used. So does every method, when it has asked for about 10 s.
        LedgerRefused: The server refuses what it is asked, and always will. So does every method.
    """

    def __init__(self, settings: Settings, *, batch: str = LIVE_BATCH, store: Store | None = None) -> None:
        self._batch = _named(batch)
        with ExitStack() as stack:
            store = store or _opened(settings, stack)
            self._ledger = Ledger.from_settings(settings, store)
            self._control = Control(store)
            self._closing = stack.pop_all()

    @classmethod
    def from_env(cls, *, batch: str = LIVE_BATCH, **overrides: Any) -> Self:
        """Open the pipeline of this environment, or of the profile that it names; overrides are settings.

        Raises:
            SettingsInvalid: A setting is unknown, has the wrong form, or contradicts another.
            LedgerUnreachable: The server cannot be used.
        """
        return cls(Settings.from_env(**overrides), batch=batch)

    def enqueue(
        self, call: Call, *, media: str | None = None, lane: LaneName = "live", batch: str | None = None
    ) -> Receipt:
        """Hand one recording in; when this returns it is written.

        A recording that is known already changes nothing: its receipt tells in which state and batch it is.

        Args:
            call: The body of `POST /v2/calls`.
            media: Path or address below a media root of the workers; left out if the call has a
                downloadMediaUrl.
            lane: Whether it goes before a backfill (`live`) or with it (`backfill`).
            batch: Its batch, where that is not the pipeline's.

        Raises:
            CallInvalid: With a problem for each field; nothing is written.
            Conflict: Another content is known under its clientUniqueId; nothing is written.
            LedgerUnreachable: It may be written or not; hand it in again, it will not be there twice.
        """
        members = {"call": call} if media is None else {"call": call, "media": media}
        return self.hand_in(members, lane=lane, batch=batch)

    def hand_in(
        self, recording: Mapping[str, Any], *, lane: LaneName = "live", batch: str | None = None
    ) -> Receipt:
        """Hand in a recording as a line of a manifest has it, `{"call": {…}, "media": "…"}`.

        All else is as for `enqueue`.
        """
        (answer,) = self._begin([checked(recording)], Lane(lane), batch)()
        if isinstance(answer, Receipt):
            return answer
        raise answer

    def enqueue_many(
        self, recordings: Iterable[Mapping[str, Any]], *, lane: LaneName = "live", batch: str | None = None
    ) -> list[Answer]:
        """Hand many recordings in, in few round trips; an answer for each, in order.

        Args:
            recordings: Each as a line of a manifest: `{"call": {…}, "media": "…"}`.
            lane: As for `enqueue`.
            batch: As for `enqueue`.

        Returns:
            A receipt for each that is written; for each that is refused the error that `enqueue` raises.

        Raises:
            LedgerUnreachable: Its `answers` are those to the first recordings, which are written. Hand the
                others in again; none of them will be there twice.
        """
        answers: list[Answer] = []
        its_lane = Lane(lane)
        ready = (_checked_or_refused(members) for members in recordings)
        try:
            answers.extend(in_bundles(ready, lambda bundle: self._begin(bundle, its_lane, batch)))
        except (LedgerUnreachable, LedgerRefused) as error:
            error.answers = tuple(answers)
            raise
        return answers

    def status(self, client_unique_id: str) -> Record | None:
        """Tell what became of a recording; None if it is not known, or was forgotten."""
        return self._control.find(client_unique_id)

    def wait(self, client_unique_id: str, *, timeout_s: float) -> Record:
        """Wait until a recording is done, dead or cancelled, and tell what became of it.

        Raises:
            TimeoutError: It is none of that yet.
            RecordingUnknown: It is not known, or was forgotten.
        """
        began = time.monotonic()
        while not State((record := self._known(client_unique_id)).state).is_final:
            waited_s = time.monotonic() - began
            if waited_s >= timeout_s:
                raise TimeoutError(f"{client_unique_id!r} is still {record.state} after {timeout_s:g} s.")
            pause_s = min(max(LOOK_INTERVAL_S, SHARE_OF_WAIT * waited_s), LOOK_INTERVAL_MAX_S)
            time.sleep(min(pause_s, timeout_s - waited_s))
        return record

    def cancel(self, client_unique_id: str) -> State:
        """Cancel a recording that is pending or dead, and no other; gives the state that it has now.

        One that is active goes on, and what is done stays done. A cancelled one comes back only by
        `gong-ingest retry`.

        Raises:
            RecordingUnknown: It is not known, or was forgotten.
        """
        state = self._control.cancel_job(client_unique_id)
        if state is None:
            raise _unknown(client_unique_id)
        return state

    def retry(self, client_unique_id: str) -> State:
        """Bring back a recording that is dead or cancelled, and no other; gives the state that it has now.

        It goes on at the step where it stood, with its attempts forgiven.

        Raises:
            RecordingUnknown: It is not known, or was forgotten.
        """
        if self._control.retry(job_ids=[job_id_of(client_unique_id)]):
            return State.PENDING
        return State(self._known(client_unique_id).state)

    def close(self) -> None:
        """Close the connections; an embedded server that nobody else uses is stopped."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _known(self, client_unique_id: str) -> Record:
        record = self.status(client_unique_id)
        if record is None:
            raise _unknown(client_unique_id)
        return record

    def _begin(
        self, ready: Sequence[Submission | CallInvalid], lane: Lane, batch: str | None
    ) -> Callable[[], list[Answer]]:
        its_batch = self._batch if batch is None else _named(batch)
        submissions = [each for each in ready if isinstance(each, Submission)]
        receipts = self._ledger.begin_submit(submissions, batch=its_batch, lane=lane)
        return lambda: _answers(ready, iter(receipts()))


def _named(batch: str) -> str:
    if not is_batch_name(batch):
        raise SettingsInvalid(
            f"The batch's name must be printable, of 1 to {BATCH_NAME_MAX_CHARACTERS} characters; "
            f"{batch[:BATCH_NAME_MAX_CHARACTERS]!r} is not."
        )
    return batch


def _opened(settings: Settings, stack: ExitStack) -> Store:
    """Connect to the server, for as long as the stack lives."""
    if not settings.redis_url:
        # Only who has no server of their own needs what starts one.
        from pipeline.embedded import with_server  # noqa: PLC0415

        settings = stack.enter_context(with_server(settings))
    store = Store.from_settings(settings)
    stack.callback(store.close)
    store.check_server()
    return store


def _checked_or_refused(members: object) -> Submission | CallInvalid:
    try:
        return checked(members)
    except CallInvalid as refused:
        return refused


def _answers(checked: Sequence[Submission | CallInvalid], receipts: Iterator[Receipt]) -> list[Answer]:
    return [_answer(each, next(receipts)) if isinstance(each, Submission) else each for each in checked]


def _answer(submission: Submission, receipt: Receipt) -> Receipt | Conflict:
    if receipt.result != "conflict":
        return receipt
    return Conflict(submission.client_unique_id, state=receipt.state, batch=receipt.batch)


def _unknown(client_unique_id: str) -> RecordingUnknown:
    return RecordingUnknown(
        f"The ledger has no recording {client_unique_id!r}: it was never handed in, or is forgotten."
    )
