"""What is said to recordings that come as lines of JSON, whichever way the lines come.

Invariants: an answer for each line that is not blank, in order; what is answered as written is written. The
names of its fields are a contract (docs/enqueue.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pipeline.client import Answer, Pipeline
from pipeline.errors import LedgerRefused, LedgerUnreachable, Problem
from pipeline.job import Lane, Receipt
from pipeline.manifest import RejectedRow, UncheckedRow
from pipeline.manifest.jsonl import read_jsonl
from pipeline.manifest.lines import Line


def answers_to(
    lines: Sequence[Line], pipeline: Pipeline, *, lane: Lane, batch: str | None = None
) -> Iterator[dict[str, Any]]:
    """Hand in the recordings of these lines, and give what is said to each that is not blank, in order.

    Raises:
        LedgerUnreachable: What came out before is written.
    """
    rows = list(read_jsonl(lines))
    read = [_members(row) for row in rows if isinstance(row, UncheckedRow)]
    failure: LedgerUnreachable | LedgerRefused | None = None
    try:
        answers: Sequence[Answer] = pipeline.enqueue_many(read, lane=lane, batch=batch)
    except (LedgerUnreachable, LedgerRefused) as error:
        failure, answers = error, error.answers
    told = iter(answers)
    for row in rows:
        if not isinstance(row, UncheckedRow):
            yield _refused(row)
        elif (answer := next(told, None)) is not None:
            yield _told(row, answer)
        elif failure:
            raise failure


def _members(row: UncheckedRow) -> dict[str, Any]:
    return {"call": row.call} if row.media is None else {"call": row.call, "media": row.media}


def receipt_document(client_unique_id: str, receipt: Receipt) -> dict[str, Any]:
    """Give what is told of a recording that is written."""
    return {
        "client_unique_id": client_unique_id,
        "result": receipt.result,
        "job_id": receipt.job_id,
        "state": receipt.state,
        "batch": receipt.batch,
    }


def problem_documents(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """Give what is wrong, field by field."""
    return [{"field": problem.field, "message": problem.message} for problem in problems]


def _told(row: UncheckedRow, answer: Answer) -> dict[str, Any]:
    if not isinstance(answer, Receipt):
        return _refused(row.rejected(answer.code, answer.problems))
    return {"line": row.here, **receipt_document(row.call["clientUniqueId"], answer)}


def _refused(row: RejectedRow) -> dict[str, Any]:
    return {
        "line": row.here,
        "client_unique_id": row.client_unique_id,
        "result": "refused",
        "code": row.code,
        "problems": problem_documents(row.problems),
    }
