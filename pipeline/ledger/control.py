"""What a person does to batches: pause and resume, cancel, look at dead letters, and bring back.

A single recording can be found, cancelled and brought back as well.

Invariants: each method is one script of the same name in `lua/`. Pausing and cancelling take effect at once
and take the same time for ten jobs as for a million; of what they hit nothing is claimed any more, whoever
asks. What is leased at that moment goes on: a job that comes back is pending (paused) or cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pipeline.job import DeadLetter, State, job_id_of
from pipeline.ledger.record import Place, Record, record_of
from pipeline.ledger.story import Story
from pipeline.payload import Payload
from pipeline.store import Clock, Store

# Jobs that a round trip brings back: the server does nothing else meanwhile.
RETRY_BUNDLE = 500
# The reason by which cancelled jobs are brought back.
CANCELLED = "cancelled"


class Cancelled(NamedTuple):
    """What a cancel did.

    Attributes:
        jobs: Cancelled now.
        active: Go on, and are cancelled if they come back unfinished.
    """

    jobs: int
    active: int


@dataclass(frozen=True, slots=True)
class DeadReason:
    """Dead letters of one reason.

    Attributes:
        steps: How many died at each step.
        example: The newest of them.
    """

    code: str
    steps: Mapping[str, int]
    example: DeadLetter

    @property
    def count(self) -> int:
        """Count them."""
        return sum(self.steps.values())

    def joined(self, other: DeadReason) -> DeadReason:
        """Give both as one."""
        newest = max(self.example, other.example, key=lambda letter: letter.died_at)
        return DeadReason(self.code, {**self.steps, **other.steps}, newest)


class Control:
    """The batches of one namespace, for whoever watches over them.

    Args:
        store: The connection to the server.
        clock: Instead of the server's, for tests.

    Every method raises `LedgerUnreachable` when the server cannot be used, and does nothing to a batch that
    is not there.
    """

    def __init__(self, store: Store, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock

    def pause(self, batch: str) -> bool:
        """Let nothing more of a batch be claimed until it is resumed; tells whether it was going on."""
        return bool(self._store.run("pause", self._now(), batch))

    def resume(self, batch: str) -> bool:
        """Let a paused batch go on; tells whether it was paused."""
        return bool(self._store.run("resume", batch))

    def cancel(self, batch: str) -> Cancelled:
        """Cancel what is pending or dead, and what is active when it comes back.

        Rows submitted later are not meant: for them the batch lives again.
        """
        return Cancelled(*self._store.run("cancel", self._now(), batch))

    def cancel_job(self, client_unique_id: str) -> State | None:
        """Cancel one recording, if it is pending or dead; gives its state then, None if it is not known."""
        state = self._store.run("cancel_job", job_id_of(client_unique_id))
        return State(state) if state else None

    def find(self, client_unique_id: str) -> Record | None:
        """Tell what became of one recording, without its row; None if it is not known."""
        job_id = job_id_of(client_unique_id)
        url, payload, *pairs = self._store.run("find", job_id) or ("", "")
        if not pairs:
            return None
        record = record_of(Place("", "", url or None), ["0", job_id, payload, *pairs])
        return replace(record, client_unique_id=client_unique_id)

    def story(self, job_id: str) -> Story | None:
        """Tell all that is known of one recording, by its job's id; None if it is not known."""
        return Story.from_answer(job_id, *self._store.run("story", job_id))

    def retry(self, batch: str | None = None, *, code: str = "", job_ids: Sequence[str] = ()) -> int:
        """Bring jobs back at the step where they stood, attempts forgiven; gives how many.

        Without a code, dead letters; and cancelled jobs too, if they are named by their ids.

        Args:
            batch: Only of this batch; of every one when left out.
            code: Only those that died of this reason; `cancelled` for those that were cancelled.
            job_ids: Only these.
        """
        if job_ids:
            return self._retry_ids(batch or "", code, job_ids)
        batches = self._store.run("batches") if batch is None else [batch]
        return sum(self._retry_batch(each, code) for each in batches)

    def _retry_ids(self, batch: str, code: str, job_ids: Sequence[str]) -> int:
        total = 0
        for start in range(0, len(job_ids), RETRY_BUNDLE):
            bundle = job_ids[start : start + RETRY_BUNDLE]
            total += self._store.run("retry", self._now(), batch, code, RETRY_BUNDLE, "", *bundle)[0]
        return total

    def _retry_batch(self, batch: str, code: str) -> int:
        """Bring back in bundles; who dies again meanwhile is left for the next time."""
        total, count, until = 0, RETRY_BUNDLE, ""
        while count == RETRY_BUNDLE:
            count, until = self._store.run("retry", self._now(), batch, code, RETRY_BUNDLE, until)
            total += count
        return total

    def dead_reasons(self, batch: str) -> list[DeadReason]:
        """Group a batch's dead letters by reason, the most frequent first."""
        found: dict[str, DeadReason] = {}
        for code, step, count, letter in self._store.run("dead_reasons", batch):
            group = DeadReason(code, {step: count}, dead_letter_of(*letter))
            found[code] = found[code].joined(group) if code in found else group
        return sorted(found.values(), key=lambda group: (-group.count, group.code))

    def dead_letters(self, batch: str, *, most: int, code: str = "") -> list[DeadLetter]:
        """Read the last dead letters of a batch, or those of one reason, the newest first."""
        return [dead_letter_of(*values) for values in self._store.run("dead_letters", batch, code, most)]

    def _now(self) -> str | int:
        return "" if self._clock is None else round(self._clock() * 1000)


def dead_letter_of(job_id: str, payload: str, *rest: Any) -> DeadLetter:
    """Read what the ledger answers of a dead letter."""
    code, message, request_id, step, attempts, died_at = rest
    return DeadLetter(
        job_id=job_id,
        client_unique_id=Payload.decode(payload).client_unique_id,
        code=code,
        message=message,
        request_id=request_id or None,
        step=step,
        attempts=int(attempts),
        died_at=int(died_at) / 1000,
    )
