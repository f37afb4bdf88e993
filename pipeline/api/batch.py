"""Many recordings in one request: lines of JSON, answered line by line.

Invariants: memory does not grow with the number of lines, nor with that of the answers. An answer `new` or
`known` is written; after an answer `stopped` nothing is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from flask import Response, request, stream_with_context

from pipeline.answering import answers_to
from pipeline.api.body import Stream, refuse_other_types
from pipeline.api.document import EXAMPLE
from pipeline.api.operation import blueprint, operation
from pipeline.api.problem import Refused, refused_of
from pipeline.api.schemas import HandInQuery, LineAnswer, Recording
from pipeline.api.services import Services, services
from pipeline.api.spool import taker_of, without_waiting
from pipeline.api.tokens import Scope
from pipeline.errors import LedgerRefused, LedgerUnreachable
from pipeline.job import Lane
from pipeline.manifest.arriving import arriving_lines

LINES = "application/x-ndjson"
LINE_TYPES = (LINES, "application/ndjson", "application/jsonl", "application/x-jsonlines")
# In OpenAPI 3.1 a schema is that of each line.
BODY = {LINES: {"schema": Recording, "example": json.dumps(EXAMPLE)}}

batch = blueprint("batch", "Many recordings.")


@operation(
    batch,
    "POST /calls:batch",
    scope=Scope.ENQUEUE,
    query=HandInQuery,
    body=BODY,
    answers={200: LineAnswer},
    refusals=(400, 408, 415, 422, 429),
    content_type=LINES,
)
def hand_many_in(query: dict[str, Any]) -> Response:
    """Hand many recordings in

    A line of JSON for each, as in `POST /calls`; a line of JSON in answer to each, in order, as soon as it
    is written. When the ledger is lost in between, or too much waits, the last line says so (`stopped`): what
    has no answer is to be handed in again.
    """  # noqa: D415
    refuse_other_types(request, LINE_TYPES)
    lane = Lane(query["lane"])
    services().backlog.refuse_if_full(lane)
    stream = Stream(request)
    answers = _answers(stream, services(), lane, query["batch"])
    # What goes wrong before the first answer has a status of its own.
    first = next(answers, b"")
    told = _to_the_end(chain((first,), answers), stream)
    connection = request.environ.get("gunicorn.socket")
    return Response(
        stream_with_context(without_waiting(told, taker_of(connection))), content_type=LINES, status=200
    )


def _answers(stream: Stream, served: Services, lane: Lane, name: str) -> Iterator[bytes]:
    """Hand in what comes, and give the answers."""
    with served.taking_long():
        for lines in arriving_lines(stream):
            served.backlog.refuse_if_full(lane)
            yield from _together(answers_to(lines, served.pipeline, lane=lane, batch=name))


def _together(answers: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Give answers that are there at once in one piece, also when there are no more for an error."""
    piece = bytearray()
    try:
        for answer in answers:
            piece += _line(answer)
    except (LedgerUnreachable, LedgerRefused):
        yield bytes(piece)
        raise
    yield bytes(piece)


def _to_the_end(answers: Iterator[bytes], stream: Stream) -> Iterator[bytes]:
    """Give the answers, and at last why there are no more, if that is not because all are given.

    What else the client sends is read then, and nothing done with it: one that reads only when it has sent
    everything would not come to read any answer.
    """
    refused: Refused | None = None
    try:
        yield from answers
    except Refused as error:
        refused = error
    except (LedgerUnreachable, LedgerRefused) as error:
        refused = refused_of(error)
    if refused:
        yield _stopped(refused)
        with suppress(Refused):
            while stream.read1():
                pass


def _stopped(refused: Refused) -> bytes:
    return _line({"line": None, "result": "stopped", "code": refused.code, "detail": refused.detail})


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode() + b"\n"
