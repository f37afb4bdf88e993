"""A bundle of recordings on its way into the ledger, as the script `submit` reads it, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from pipeline.job import Receipt, State, Submission


def written(submission: Submission, job_id: str, traceparent: str) -> bytes:
    """Write a job in one word: each costs both sides as much as a hundred bytes."""
    payload, name = submission.payload, submission.client_unique_id.encode()
    content = f"{submission.content} {traceparent}" if traceparent else submission.content
    about = f"{int(payload.has_upload)}\n{content}\n{submission.line}\n{len(name)}\n"
    return b"".join((job_id.encode(), bytes.fromhex(job_id), about.encode(), name, payload.encode().encode()))


def receipts_of(
    job_ids: Sequence[str], answers: Sequence[int | Sequence[str]], batch: str
) -> Iterator[Receipt]:
    """Read the answers to a bundle: a number stands for so many new jobs."""
    rest = iter(job_ids)
    for answer in answers:
        if isinstance(answer, int):
            for job_id in islice(rest, answer):
                yield Receipt(job_id, "new", State.PENDING, batch)
        else:
            result, state, its_batch = answer
            yield Receipt(next(rest), result, State(state), its_batch)
