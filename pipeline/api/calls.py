"""Single recordings: handed in, asked for, cancelled and brought back."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import request

from pipeline import tracing
from pipeline.answering import receipt_document
from pipeline.api.body import Stream, refuse_large, refuse_other_types
from pipeline.api.document import EXAMPLE, EXAMPLE_CALL
from pipeline.api.form import FORM_OVERHEAD_MAX_BYTES, decoded, received
from pipeline.api.operation import BODY_REFUSALS, blueprint, operation
from pipeline.api.problem import Refused
from pipeline.api.schemas import HandInQuery, Outcome, Receipt, Record, Recording
from pipeline.api.services import services
from pipeline.api.tokens import Scope
from pipeline.call.schema import NewCall
from pipeline.errors import Conflict, RecordingUnknown
from pipeline.job import Lane, State, job_id_of
from pipeline.media import MAX_MEDIA_BYTES
from pipeline.recording import RECORDING_MAX_BYTES
from pipeline.report import fields_of

JSON, FORM = "application/json", "multipart/form-data"
FORM_MAX_BYTES = MAX_MEDIA_BYTES + RECORDING_MAX_BYTES + FORM_OVERHEAD_MAX_BYTES
ACCEPTED, KNOWN = 202, 200
# Of what a server takes.
REQUEST_LINE_MAX_BYTES = 8_000

BODIES: dict[str, Any] = {
    JSON: {"schema": Recording, "example": EXAMPLE},
    FORM: {
        "schema": {
            "type": "object",
            "required": ["call", "media"],
            "additionalProperties": False,
            "properties": {
                "call": {"allOf": [NewCall], "example": EXAMPLE_CALL},
                "media": {
                    "type": "string",
                    "contentMediaType": "application/octet-stream",
                    "description": "The file, of 1.5 GB at most.",
                },
            },
        },
        "encoding": {"call": {"contentType": JSON}, "media": {"contentType": "application/octet-stream"}},
    },
}

calls = blueprint("calls", "Recordings, one by one.")


@operation(
    calls,
    "POST /calls",
    scope=Scope.ENQUEUE,
    query=HandInQuery,
    body=BODIES,
    answers={ACCEPTED: Receipt, KNOWN: Receipt},
    leads_to=("look", "cancel", "retry"),
    refusals=(*BODY_REFUSALS, 409, 429),
)
def hand_in(query: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Hand a recording in

    202 for a new one, 200 for one that was handed in before with the same content. As JSON the media is
    named, as a form it is uploaded.
    """  # noqa: D415 - the first line is the document's heading
    refuse_other_types(request, (JSON, FORM))
    lane, batch = Lane(query["lane"]), query["batch"]
    services().backlog.refuse_if_full(lane)
    # Whoever asks may be in a trace, in which the recording is then.
    with tracing.span("POST /calls", "server", parent=request.headers.get("traceparent", "")):
        take = _hand_in_form if request.mimetype == FORM else _hand_in_json
        client_unique_id, receipt = take(lane, batch)
    document = receipt_document(client_unique_id, receipt)
    status = ACCEPTED if receipt.is_new else KNOWN
    place = f"/calls/{quote(client_unique_id, safe='')}"
    # Longer ones the server itself would not take.
    return document, status, {"Location": place} if len(place) < REQUEST_LINE_MAX_BYTES else {}


def _hand_in_json(lane: Lane, batch: str) -> tuple[str, Any]:
    what = "A recording"
    refuse_large(request, RECORDING_MAX_BYTES, what)
    recording = decoded(Stream(request).read_whole(RECORDING_MAX_BYTES, what))
    receipt = services().pipeline.hand_in(recording, lane=lane.value, batch=batch)
    return recording["call"]["clientUniqueId"], receipt


def _hand_in_form(lane: Lane, batch: str) -> tuple[str, Any]:
    uploads, pipeline = services().uploads, services().pipeline
    if uploads is None:
        raise Refused(
            415, "uploads_not_configured", "This server takes no media: GONG_INGEST_API_UPLOADS is not set."
        )
    refuse_large(request, FORM_MAX_BYTES, "A form")
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary:
        raise Refused(400, "form_malformed", "The Content-Type of the form names no boundary.")
    with services().taking_long(), received(Stream(request), boundary, uploads) as form:
        media, is_new = uploads.keep(form.media, form.call)
        try:
            receipt = pipeline.enqueue(form.call, media=media, lane=lane.value, batch=batch)
        except Conflict:
            # Of this content there is no job, so nobody has use for its file.
            uploads.remove(media)
            raise
        if is_new and receipt.state is State.DONE:
            uploads.remove(media)
    return form.call["clientUniqueId"], receipt


@operation(
    calls,
    "GET /calls/<any_text:clientUniqueId>",
    scope=Scope.READ,
    answers={200: Record},
    refusals=(404,),
)
def look(clientUniqueId: str) -> dict[str, Any]:  # noqa: N803 - as the path names it
    """Tell what became of a recording"""  # noqa: D415
    record = services().pipeline.status(clientUniqueId)
    if record is None:
        raise RecordingUnknown(f"The ledger has no recording {clientUniqueId!r}.")
    names = Record._declared_fields  # noqa: SLF001 - marshmallow's own way to list them
    return {
        name: value for name, value in {**fields_of(record), "job_id": record.job_id}.items() if name in names
    }


@operation(
    calls,
    "POST /calls/<any_text:clientUniqueId>:cancel",
    scope=Scope.OPERATE,
    answers={200: Outcome},
    refusals=(404, 409),
)
def cancel(clientUniqueId: str) -> dict[str, Any]:  # noqa: N803
    """Cancel a recording

    One that is pending or dead; what is active goes on and what is done stays done, which is a 409. One that
    is cancelled already stays so.
    """  # noqa: D415
    state = services().pipeline.cancel(clientUniqueId)
    return _outcome(clientUniqueId, state, State.CANCELLED, "not_cancelled")


@operation(
    calls,
    "POST /calls/<any_text:clientUniqueId>:retry",
    scope=Scope.OPERATE,
    answers={200: Outcome},
    refusals=(404, 409),
)
def retry(clientUniqueId: str) -> dict[str, Any]:  # noqa: N803
    """Bring a recording back

    One that is dead or cancelled: it goes on at the step where it stood. What is active or done is a 409;
    one that is pending stays so.
    """  # noqa: D415
    state = services().pipeline.retry(clientUniqueId)
    return _outcome(clientUniqueId, state, State.PENDING, "not_retried")


def _outcome(client_unique_id: str, state: State, wanted: State, code: str) -> dict[str, Any]:
    if state is not wanted:
        raise Refused(409, code, f"The recording is {state.value}, and stays so.", state=state.value)
    return {"client_unique_id": client_unique_id, "job_id": job_id_of(client_unique_id), "state": state.value}
