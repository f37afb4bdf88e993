"""Forms: read in any pieces, byte for byte, and nothing left of one that is not complete."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Request
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.api import form
from pipeline.api.body import Stream
from pipeline.api.problem import Refused
from pipeline.api.uploads import Uploads
from pipeline.errors import CallInvalid
from tests.recordings import make_call

BOUNDARY = "----boundary1234"
PROPERTY = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
Part = tuple[str, bytes]


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path, tmp_path / "up")


def encoded(*parts: Part, end: bytes = b"--\r\n") -> bytes:
    body = b""
    for name, content in parts:
        disposition = f'Content-Disposition: form-data; name="{name}"; filename="x"'
        body += f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}".encode() + end


class Pieces(io.BytesIO):
    """Gives the bytes in pieces of these sizes, over and over."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        super().__init__(content)
        self._sizes = sizes
        self._next = 0

    def read(self, _: int | None = -1, /) -> bytes:
        self._next += 1
        return super().read(self._sizes[self._next % len(self._sizes)])


def stream(content: bytes, sizes: list[int] | None = None, *, length: int | None = None) -> Stream:
    environ: dict[str, Any] = {"wsgi.input": Pieces(content, sizes) if sizes else io.BytesIO(content)}
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    return Stream(Request(environ))


def receive(read: Stream, uploads: Uploads) -> bytes:
    with form.received(read, BOUNDARY, uploads) as received:
        received.media.file.flush()
        return received.media.path.read_bytes()


def left(uploads: Uploads) -> list[Path]:
    return [path for path in uploads.folder.rglob("*") if path.is_file()]


CALL = json.dumps(make_call("pbx-1")).encode()
TRICKY = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"--" + BOUNDARY[:-1].encode(), b"\r\n--", b"a", b"\0"])
).map(b"".join)


@PROPERTY
@given(
    media=TRICKY | st.binary(),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=4),
    first=st.booleans(),
)
def test_the_bytes_are_those_that_were_sent(
    uploads: Uploads, media: bytes, sizes: list[int], first: bool
) -> None:
    parts = [("call", CALL), ("media", media)]
    body = encoded(*(parts if first else parts[::-1]))

    assert receive(stream(body, sizes), uploads) == media
    assert left(uploads) == []


@pytest.mark.parametrize("cut", range(0, len(encoded(("call", CALL), ("media", b"RIFF"))) - 4, 7))
def test_a_form_that_ends_before_its_end_is_refused_and_leaves_nothing(uploads: Uploads, cut: int) -> None:
    whole = encoded(("call", CALL), ("media", b"RIFF"))

    for read in (stream(whole[:cut]), stream(whole[:cut], length=len(whole))):
        with pytest.raises(Refused) as refused:
            receive(read, uploads)
        assert refused.value.status == 400
    assert left(uploads) == []


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ((("media", b"x"),), "call"),
        ((("call", CALL),), "media"),
        ((), "call"),
        ((("call", CALL), ("media", b"x"), ("media", b"y")), "media"),
        ((("call", CALL), ("call", CALL), ("media", b"y")), "call"),
        ((("call", CALL), ("medai", b"y")), "medai"),
    ],
)
def test_parts_must_be_those_that_are_known_once_each(
    uploads: Uploads, parts: tuple[Part, ...], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        receive(stream(encoded(*parts)), uploads)

    assert (refused.value.status, refused.value.problems[0].field) == (422, field)
    assert left(uploads) == []


def test_a_call_that_is_wrong_is_refused_before_its_media_is_read(uploads: Uploads) -> None:
    call = json.dumps(make_call("pbx-1", direction="in")).encode()
    # The media never ends: who read it would run out of bytes first.
    read = stream(encoded(("call", call), ("media", b"x"), end=b"")[:-20] + bytes(1 << 20))

    with pytest.raises(CallInvalid, match="direction"):
        receive(read, uploads)
    assert left(uploads) == []


def test_a_call_that_names_another_media_is_refused(uploads: Uploads) -> None:
    call = json.dumps(make_call("pbx-1", downloadMediaUrl="https://a.b/c")).encode()

    with pytest.raises(CallInvalid, match="downloadMediaUrl"):
        receive(stream(encoded(("call", call), ("media", b"x"))), uploads)


@pytest.mark.parametrize("call", [b"", b"{", b"[]", b"\xff", b'{"a": NaN}'])
def test_a_call_that_is_no_json_is_told_as_such(uploads: Uploads, call: bytes) -> None:
    with pytest.raises(Refused) as refused:
        receive(stream(encoded(("call", call), ("media", b"x"))), uploads)

    assert (refused.value.status, refused.value.code) == (400, "not_json")


def test_a_call_takes_no_more_memory_than_a_recording_may_have(uploads: Uploads) -> None:
    with pytest.raises(Refused) as refused:
        receive(stream(encoded(("call", b" " * (2 << 20)), ("media", b"x"))), uploads)

    assert refused.value.status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        f"--{BOUNDARY}\r\nX: y\r\n\r\n".encode(),
        f"--{BOUNDARY}\r\n".encode() + b"X: " + b"y" * (1 << 20),
        f"--{BOUNDARY}\r\nContent-Disposition: \xff\r\n\r\n".encode("latin-1"),
    ],
)
def test_what_is_no_form_is_refused(uploads: Uploads, body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        receive(stream(body), uploads)
    assert refused.value.status == 400


def test_media_is_cut_off_at_its_bound(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.api.uploads.MAX_MEDIA_BYTES", 1000)

    assert receive(stream(encoded(("call", CALL), ("media", bytes(1000)))), uploads) == bytes(1000)
    with pytest.raises(Refused) as refused:
        receive(stream(encoded(("call", CALL), ("media", bytes(1001)))), uploads)
    assert refused.value.status == 413
    assert left(uploads) == []
