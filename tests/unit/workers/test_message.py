"""Messages of Celery's protocol: which are read, and what is said of those that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import MessageMalformed
from pipeline.intake import MESSAGE_MAX_BYTES, Message, Request
from pipeline.job import Lane
from tests.messages import make_body, make_envelope, make_message
from tests.recordings import make_call
from workers.message import INTAKE, LISTS, PARAMETERS, SUBMIT, read_message

CALL = make_call("pbx-1")


def read(text: str) -> Request:
    return read_message(Message(LISTS[0], "digest", len(text.encode("utf-8", "surrogateescape")), text))


def refused(text: str) -> str:
    with pytest.raises(MessageMalformed) as raised:
        read(text)
    assert raised.value.code == "message_malformed"
    return str(raised.value)


def changed(**members: Any) -> str:
    """Write a message with other members; None takes one away."""
    envelope = make_envelope(CALL) | members
    return json.dumps({name: value for name, value in envelope.items() if value is not None})


def of_version_1(**members: Any) -> str:
    """Write a message as older clients do, whose body has everything."""
    return changed(headers={}, body=make_body(members))


def test_the_names_are_frozen() -> None:
    """Systems of other people send to them."""
    assert (INTAKE, SUBMIT, PARAMETERS) == ("intake", "calls.submit", ("call", "media", "lane", "batch"))
    assert LISTS == (
        "celery:intake",
        "celery:intake\x06\x163",
        "celery:intake\x06\x166",
        "celery:intake\x06\x169",
    )


@pytest.mark.parametrize(
    ("text", "request_read"),
    [
        (make_message(call=CALL), ({"call": CALL}, "live", Lane.LIVE)),
        (make_message(call=CALL, media="1.wav"), ({"call": CALL, "media": "1.wav"}, "live", Lane.LIVE)),
        (make_message(CALL, "1.wav"), ({"call": CALL, "media": "1.wav"}, "live", Lane.LIVE)),
        (make_message(CALL, media=None), ({"call": CALL}, "live", Lane.LIVE)),
        (make_message(CALL, batch="crm", lane="backfill"), ({"call": CALL}, "crm", Lane.BACKFILL)),
        (make_message(CALL, lane=None, batch=None), ({"call": CALL}, "live", Lane.LIVE)),
        (of_version_1(task=SUBMIT, id="1", args=[CALL]), ({"call": CALL}, "live", Lane.LIVE)),
        (of_version_1(task=SUBMIT, kwargs={"call": CALL}), ({"call": CALL}, "live", Lane.LIVE)),
        # a body as plain text
        (
            changed(body=json.dumps([[CALL], {}, None]), properties={"body_encoding": "utf-8"}),
            ({"call": CALL}, "live", Lane.LIVE),
        ),
        # what is wrong with the recording is not for the reading of its message to say
        (make_message(call=7, color="red"), ({"call": 7, "color": "red"}, "live", Lane.LIVE)),
        (make_message(), ({}, "live", Lane.LIVE)),
    ],
)
def test_a_message_is_read(text: str, request_read: tuple[dict[str, Any], str, Lane]) -> None:
    request = read(text)

    assert (request.members, request.batch, request.lane) == request_read


def test_a_number_keeps_the_form_in_which_it_was_written() -> None:
    """So a recording has the same content by whichever way it comes."""
    body = make_body([[], {"call": CALL | {"duration": 125.8}}, {}])
    written = changed(body=json.dumps([[], {"call": CALL | {"duration": 1}}, {}]).replace("1}", "125.80}"))
    written = written.replace('"base64"', '"utf-8"')

    assert repr(read(changed(body=body)).members["call"]["duration"]) == "125.8"
    assert read(written).members["call"]["duration"].text == "125.80"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not JSON"),
        ("\udc80\udcff", "is not UTF-8"),
        ("[]", "the message: must be an object"),
        (
            changed(**{"content-type": "application/x-python-serialize"}),
            "content-type: must be application/json",
        ),
        (changed(**{"content-type": None}), "content-type: must be application/json, not None"),
        (changed(**{"content-encoding": "binary"}), "content-encoding: must be utf-8, not 'binary'"),
        (
            changed(headers={"task": SUBMIT, "compression": "application/x-gzip"}),
            "headers.compression: must be",
        ),
        (changed(headers=[1]), "headers: must be an object"),
        (changed(properties=3), "properties: must be an object"),
        (changed(body=None), "body: must be text"),
        (changed(body="not base64!"), "body: must be UTF-8 in base64"),
        (changed(body="/w=="), "body: must be UTF-8 in base64"),
        (changed(body=make_body(7)), "body: must be [args, kwargs, embed]"),
        (changed(body=make_body([[CALL], {}, {}]), headers={}), "body: must be [args, kwargs, embed]"),
        (changed(body="eyJ"), "body: must be UTF-8 in base64"),
        (changed(body="e30"), "body: must be UTF-8 in base64"),
        (changed(body=""), "is not JSON"),
        (make_message(CALL, task="calls.create"), "task: must be calls.submit, not 'calls.create'"),
        (of_version_1(task=["calls.submit"]), "task: must be calls.submit"),
        (changed(body=make_body([CALL, {}, {}])), "args: must be a list"),
        (changed(body=make_body(["abc", {}, {}])), "args: must be a list"),
        (changed(body=make_body([[CALL], [], {}])), "kwargs: must be an object"),
        (make_message(CALL, "1.wav", "live", "crm", 5), "args: must be at most 4: call, media, lane, batch"),
        (make_message(CALL, call=CALL), "call: is given twice"),
        (make_message(CALL, lane="fast"), "lane: must be live or backfill, not 'fast'"),
        (make_message(CALL, lane=["live"]), "lane: must be live or backfill"),
        (make_message(CALL, batch=7), "batch: must be a printable name"),
        (make_message(CALL, batch="a\nb"), "batch: must be a printable name"),
        (make_message(CALL, batch="x" * 101), "batch: must be a printable name"),
        ('{"body": 1, "body": 2}', "body: stands more than once"),
        ("[" * 100_000, "is nested too deeply"),
        (changed(body=make_body([[CALL], {"media": float("nan")}, {}])), "1.media: NaN is not a number"),
        ("x" * (MESSAGE_MAX_BYTES + 1), "the message is longer than 3 MiB"),
    ],
)
def test_what_is_wrong_with_a_message_is_told_by_its_part(text: str, sentence: str) -> None:
    assert sentence in refused(text)


def test_what_could_be_read_of_it_is_kept_for_a_person() -> None:
    with pytest.raises(MessageMalformed) as raised:
        read(make_message(CALL, lane="fast"))

    assert json.loads(raised.value.text) == [[CALL], {"lane": "fast"}, {}]
    assert raised.value.call == CALL
