"""One upload from its headers to its answer, without HTTP."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from pipeline.simulator import media
from pipeline.simulator.answers import Answer, Refused
from pipeline.simulator.operations import Request
from pipeline.simulator.state import Company, Media
from pipeline.simulator.upload import UploadMedia
from tests.unit.simulator.calls import BOUNDARY, FORM, MP4, WAV, make_form
from tests.unit.simulator.test_state import create, make_company, make_media


def make_request(content_type: str = FORM, content_length: int | None = None) -> Request:
    headers = {"content-type": content_type}
    if content_length is not None:
        headers["content-length"] = str(content_length)
    return Request("PUT", "/v2/calls/1/media", {}, headers)


def upload(company: Company, call_id: str, *pieces: bytes, request: Request | None = None) -> Answer:
    try:
        operation = UploadMedia(company, call_id, request or make_request(), clock=lambda: 12.5)
        for piece in pieces:
            operation.take(piece)
        return operation.finish()
    except Refused as refused:
        return refused.answer


def error_of(answer: Answer) -> str:
    return str(answer.fields["errors"])


def test_a_file_is_counted_and_hashed_as_it_streams() -> None:
    company = make_company()
    call_id = create(company)
    content = WAV + bytes(range(256)) * 100
    body = make_form(content)
    answer = upload(company, call_id, *(body[start : start + 7] for start in range(0, len(body), 7)))
    assert answer.status == 201
    assert company.calls[call_id].media == Media(
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        file_name="call.wav",
        content_type="audio/wav",
        uploaded_s=12.5,
    )


@pytest.mark.parametrize(
    ("form", "status", "reason"),
    [
        ({"content": b""}, 400, "empty"),
        ({"name": "file"}, 400, "exactly one part, a file named mediaFile"),
        ({"file_name": None}, 400, "exactly one part, a file named mediaFile"),
        ({"content_type": "audio/mpeg", "content": MP4}, 400, "does not fit"),
        ({"content_type": "audio/mpeg", "content": MP4[:8]}, 400, "does not fit"),
        ({"content_type": "text/plain"}, 400, "neither audio nor video"),
    ],
)
def test_a_part_that_breaks_a_rule_is_refused(form: dict[str, Any], status: int, reason: str) -> None:
    company = make_company()
    call_id = create(company)
    answer = upload(company, call_id, make_form(**form))
    assert answer.status == status
    assert reason in error_of(answer)
    assert company.calls[call_id].media is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"--{BOUNDARY}--\r\n".encode(), id="no part"),
        pytest.param(make_form().replace(f"--{BOUNDARY}--".encode(), make_form(b"second")), id="two parts"),
        pytest.param(make_form()[:-4], id="no closing boundary"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_body_without_exactly_one_whole_part_is_refused(body: bytes) -> None:
    company = make_company()
    call_id = create(company)
    assert upload(company, call_id, body).status == 400
    assert company.calls[call_id].media is None


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "audio/wav", "multipart/mixed; boundary=a"]
)
def test_another_body_than_a_form_is_an_unsupported_media_type(content_type: str) -> None:
    company = make_company()
    answer = upload(company, create(company), WAV, request=make_request(content_type))
    assert answer.status == 415


def test_a_form_without_a_boundary_is_malformed() -> None:
    company = make_company()
    assert upload(company, create(company), request=make_request("multipart/form-data")).status == 400


def test_the_headers_alone_tell_that_a_body_is_too_large() -> None:
    company = make_company()
    call_id = create(company)
    assert upload(company, call_id, request=make_request(content_length=1_500_100_000)).status == 413


def test_a_file_may_have_1_5_gb_and_not_a_byte_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert media.MAX_MEDIA_BYTES == 1_500_000_000
    monkeypatch.setattr(media, "MAX_MEDIA_BYTES", 1_000)
    company = make_company()
    first, second = create(company, clientUniqueId="1"), create(company, clientUniqueId="2")
    assert upload(company, first, make_form(WAV.ljust(1_000))).status == 201
    assert upload(company, second, make_form(WAV.ljust(1_001))).status == 413


def test_a_call_that_takes_no_media_is_refused_before_the_body() -> None:
    company = make_company()
    call_id = create(company)
    company.add_media(call_id, make_media())
    with pytest.raises(Refused, match="already been handled"):
        UploadMedia(company, call_id, make_request(), clock=lambda: 0.0)
    with pytest.raises(Refused, match="not found"):
        UploadMedia(company, "1", make_request(), clock=lambda: 0.0)


def test_of_two_uploads_at_once_the_first_to_end_wins() -> None:
    company = make_company()
    call_id = create(company)
    first, second = (UploadMedia(company, call_id, make_request(), clock=lambda: 0.0) for _ in range(2))
    first.take(make_form(WAV + b"first"))
    second.take(make_form(WAV + b"second"))
    assert second.finish().status == 201
    assert "already been handled" in error_of(first.finish())
    assert company.calls[call_id].uploads == 1
