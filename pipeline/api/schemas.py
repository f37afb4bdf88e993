"""What the operations take beside a call, and what they answer; names and values are a contract.

The call itself is the schema of `pipeline.call`.
"""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from pipeline.call.schema import NewCall
from pipeline.client import LIVE_BATCH
from pipeline.job import BATCH_NAME_MAX_CHARACTERS, Lane, State, Step, is_batch_name
from pipeline.overview import Obstacle, Standing


def _check_batch(name: str) -> None:
    if not is_batch_name(name):
        raise ValidationError(f"must be printable, of 1 to {BATCH_NAME_MAX_CHARACTERS} characters")


def _words(kind: type[Any]) -> validate.OneOf:
    return validate.OneOf([str(each) for each in kind])


def _told(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, **more}


class HandInQuery(Schema):
    """Where recordings are handed in."""

    batch = fields.String(
        load_default=LIVE_BATCH,
        validate=[validate.Length(1, BATCH_NAME_MAX_CHARACTERS), _check_batch],
        metadata=_told("Name of their batch."),
    )
    lane = fields.String(
        load_default=Lane.LIVE.value,
        validate=_words(Lane),
        metadata=_told("Whether they go before a backfill or with it."),
    )


class Recording(Schema):
    """A call, and where its media lies."""

    call = fields.Nested(NewCall, required=True, metadata=_told("The body of `POST /v2/calls`."))
    media = fields.String(
        metadata=_told(
            "Path or address below a media root of the workers; left out with a `downloadMediaUrl`.",
            pattern="^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$",
        )
    )


class Problem(Schema):
    """What is wrong with one field."""

    field = fields.String(
        required=True, metadata=_told("Its path, `parties.1.mediaChannelId`; empty for all of it.")
    )
    message = fields.String(required=True)


class Error(Schema):
    """Why a request is refused (RFC 9457)."""

    type = fields.String(required=True, validate=validate.Equal("about:blank"))
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True, metadata=_told("One word for programs."))
    detail = fields.String(required=True, metadata=_told("A sentence for a person."))
    problems = fields.List(fields.Nested(Problem))
    state = fields.String(validate=_words(State), metadata=_told("Of the recording that is there."))
    batch = fields.String(metadata=_told("Of the recording that is there."))


class Receipt(Schema):
    """A recording that is written."""

    client_unique_id = fields.String(required=True)
    result = fields.String(
        required=True,
        validate=validate.OneOf(["new", "known"]),
        metadata=_told("`known`: the same recording was there already."),
    )
    job_id = fields.String(required=True)
    state = fields.String(required=True, validate=_words(State))
    batch = fields.String(required=True, metadata=_told("That of its job, which may be an earlier one."))


class LineAnswer(Schema):
    """The answer to one line."""

    line = fields.Integer(allow_none=True, required=True, metadata=_told("Counted from 1."))
    client_unique_id = fields.String(allow_none=True, metadata=_told("Null if none could be read."))
    result = fields.String(
        required=True,
        validate=validate.OneOf(["new", "known", "refused", "stopped"]),
        metadata=_told("`stopped` is the last one: nothing behind it is written."),
    )
    job_id = fields.String()
    state = fields.String(validate=_words(State))
    batch = fields.String()
    code = fields.String(metadata=_told("Why it is refused, or stopped: one word for programs."))
    detail = fields.String(metadata=_told("Why it stopped: a sentence for a person."))
    problems = fields.List(fields.Nested(Problem))


class Record(Schema):
    """What became of a recording."""

    client_unique_id = fields.String(required=True, allow_none=True)
    job_id = fields.String(required=True)
    batch = fields.String(required=True)
    state = fields.String(required=True, validate=_words(State))
    step = fields.String(
        required=True,
        allow_none=True,
        metadata=_told(
            "The last one recorded (`validated`, `created`, `uploaded`), or at which it died "
            f"({', '.join(f'`{step.value}`' for step in Step)})."
        ),
    )
    attempts = fields.Integer(required=True)
    call_id = fields.String(required=True, allow_none=True)
    url = fields.String(required=True, allow_none=True, metadata=_told("Of the call in Gong."))
    adopted = fields.Boolean(
        required=True, metadata=_told("The call existed before this pipeline posted it.")
    )
    bytes = fields.Integer(required=True, allow_none=True, metadata=_told("Of the media that was uploaded."))
    sha256 = fields.String(required=True, allow_none=True, metadata=_told("Of these bytes."))
    accepted_at = fields.String(required=True, allow_none=True, metadata=_told("", format="date-time"))
    ended_at = fields.String(required=True, allow_none=True, metadata=_told("", format="date-time"))
    code = fields.String(required=True, allow_none=True, metadata=_told("Why it is dead."))
    reason = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)


class Outcome(Schema):
    """What an operation on a recording has led to."""

    client_unique_id = fields.String(required=True)
    job_id = fields.String(required=True)
    state = fields.String(required=True, validate=_words(State))


class PutOff(Schema):
    """Recordings that are tried again later; null where there are none."""

    count = fields.Integer(required=True)
    until = fields.String(required=True, metadata=_told("When the last of them is due."))
    code = fields.String(
        required=True, allow_none=True, metadata=_told("What put that one off; null: it waits for its turn.")
    )
    message = fields.String(required=True, allow_none=True)


class Batch(Schema):
    """A batch in numbers."""

    batch = fields.String(required=True)
    state = fields.String(required=True, validate=_words(Standing))
    total = fields.Integer(required=True)
    waiting = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    active = fields.Integer(required=True)
    done = fields.Integer(required=True)
    dead = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    created = fields.Integer(required=True)
    uploaded = fields.Integer(required=True)
    adopted = fields.Integer(required=True)
    requests = fields.Integer(required=True)
    rate_limited = fields.Integer(required=True)
    requests_left = fields.Integer(required=True)
    created_at = fields.String(required=True, allow_none=True)
    first_request_at = fields.String(required=True, allow_none=True)
    last_request_at = fields.String(required=True, allow_none=True)
    finish_at = fields.String(required=True, allow_none=True)
    obstacle = fields.String(required=True, allow_none=True, validate=_words(Obstacle))
    put_off = fields.Nested(PutOff, required=True, allow_none=True)
    dead_reasons = fields.Dict(
        required=True, keys=fields.String(), values=fields.Integer(), metadata=_told("How many, by code.")
    )


class Batches(Schema):
    """Every batch, the newest first."""

    at = fields.String(required=True, metadata=_told("When this was seen, on the ledger's clock."))
    batches = fields.List(fields.Nested(Batch), required=True)


class LimitValues(Schema):
    """The limits that every worker follows."""

    requests_per_second = fields.Float(required=True)
    requests_per_day = fields.Integer(required=True)
    rate_margin = fields.Float(required=True)
    burst = fields.Integer(required=True)
    live_share = fields.Float(required=True)
    day_window = fields.String(required=True)


class Limits(Schema):
    """The limits in force, and what they are used for."""

    limits = fields.Nested(LimitValues, required=True)
    changed = fields.List(fields.String(), required=True, metadata=_told("Those set while running."))
    margin_now = fields.Float(required=True)
    requests_per_day_now = fields.Integer(required=True)
    requests_today = fields.Integer(required=True)
    slots_missed = fields.Integer(required=True)
    requests_late = fields.Integer(required=True)


class Health(Schema):
    """How the server is."""

    status = fields.String(required=True, validate=validate.Equal("ok"))
