"""Messages of the intake that were refused, as the dead letters that they are: they need a person as well.

They stand in the ledger as rejected rows of the manifest `calls.submit`, since there is no job. Reading them
takes a round trip for each 256 of the last ones, of which a batch keeps some thousands at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pipeline.job import DeadLetter
from pipeline.ledger.control import DeadReason
from pipeline.ledger.manifests import Manifests
from pipeline.ledger.record import Rejected

# As the step of these letters, which came to none.
SUBMIT = "submit"


class Refused:
    """The refused messages of one namespace; raises `LedgerUnreachable` as the ledger does."""

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests

    def letters(self, batch: str, *, most: int, code: str = "") -> list[DeadLetter]:
        """Read the last ones of a batch, or those of one reason, the newest first."""
        return list(islice((each for each in self._all(batch) if code in {"", each.code}), most))

    def reasons(self, batch: str) -> list[DeadReason]:
        """Group those of a batch by reason."""
        found: dict[str, DeadReason] = {}
        for letter in self._all(batch):
            known = found.get(letter.code)
            count, example = (known.count, known.example) if known else (0, letter)
            found[letter.code] = DeadReason(letter.code, {SUBMIT: count + 1}, example)
        return list(found.values())

    def _all(self, batch: str) -> Iterator[DeadLetter]:
        return map(_letter, self._manifests.of_intake(batch))


def _letter(row: Rejected) -> DeadLetter:
    return DeadLetter(
        job_id="",
        client_unique_id=row.client_unique_id or "",
        code=row.code,
        message=row.reason,
        request_id=None,
        step=SUBMIT,
        attempts=0,
        died_at=row.at,
    )
