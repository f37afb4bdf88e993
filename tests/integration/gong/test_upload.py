"""Uploads: exact bytes on the wire, and that one which was broken off never looks whole."""

from __future__ import annotations

import email
import email.message
import email.policy
import hashlib
import threading
import time
import tracemalloc

import pytest

from pipeline.errors import LeaseLost, MediaRefused, MediaUnavailable, RequestFailed
from pipeline.gong.exchange import LOOK_INTERVAL_S
from pipeline.gong.multipart import BLOCK_BYTES, PIECE_MAX_BYTES
from tests.integration.gong.servers import PATIENCE_S, Connection, make_client, serving
from tests.integration.gong.uploads import CREATED, Stream, upload


class FailingStream(Stream):
    """Media whose source fails after one block."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"x" * 3 * BLOCK_BYTES)
        self._error = error

    def read(self, size: int, /) -> bytes:
        if self._content.tell():
            raise self._error
        return super().read(size)


def part_of(content_type: str, body: bytes) -> email.message.EmailMessage:
    """Read the only part with the parser of the standard library."""
    whole = email.message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    (part,) = whole.iter_parts()
    assert isinstance(part, email.message.EmailMessage)
    return part


@pytest.mark.parametrize(
    "size", [1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES + 17]
)
def test_the_bytes_arrive_as_they_are_in_one_part_of_known_length(size: int) -> None:
    content = (b"\r\n--\0\xff\xfb" * (size // 7 + 1))[:size]
    told: list[int] = []
    with serving(CREATED) as server, make_client(server.url) as client:
        answer = upload(client, Stream(content), on_bytes=told.append)

    request = server.requests[0]
    assert answer.call_id == "42"
    assert request.whole
    assert request.line == "PUT /v2/calls/42/media HTTP/1.1"
    assert "transfer-encoding" not in request.headers
    assert list(dict.fromkeys(told)) == [*range(0, size, BLOCK_BYTES), size]
    head, _, rest = request.body.partition(b"\r\n\r\n")
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    assert (
        hashlib.sha256(rest.removesuffix(b"\r\n--" + boundary + b"--\r\n")).digest()
        == hashlib.sha256(content).digest()
    )
    assert head.split(b"\r\n") == [
        b"--" + boundary,
        b'Content-Disposition: form-data; name="mediaFile"; filename="call.mp3"',
        b"Content-Type: audio/mpeg",
    ]


@pytest.mark.parametrize(
    "name",
    [
        'a".mp3',
        'a"; name="other',
        "a\r\nX-Evil: 1\r\n\r\nb.mp3",
        "a\\",
        "Ünïcode☎.mp3",
        "\0",
        "%0d%0a.mp3",
        "",
        "../../a",
    ],
)
def test_a_file_name_cannot_break_out_of_its_header(name: str) -> None:
    with serving(CREATED) as server, make_client(server.url) as client:
        upload(client, Stream(b"x"), file_name=name)

    request = server.requests[0]
    part = part_of(request.headers["content-type"], request.body)
    assert sorted(part.keys()) == ["Content-Disposition", "Content-Type"]
    assert part.get_param("name", header="content-disposition") == "mediaFile"
    assert set(str(part.get_filename())).isdisjoint('"\\\r\n/\0')
    assert str(part.get_filename()).isascii()


@pytest.mark.parametrize("content_type", ["audio/mpeg\r\nX: y", "", "audio", "a/b; c=d"])
def test_a_content_type_that_is_none_is_refused(content_type: str) -> None:
    with make_client("http://127.0.0.1:1") as client, pytest.raises(ValueError, match="content type"):
        upload(client, Stream(b"x"), content_type=content_type)


@pytest.mark.parametrize("call_id", ["", "../calls", "1" * 21, "12\n", "\uff11"])
def test_an_id_that_is_none_is_refused(call_id: str) -> None:
    with make_client("http://127.0.0.1:1") as client, pytest.raises(ValueError, match="id of a call"):
        client.upload_media(call_id, Stream(b"x"), file_name="a.mp3", content_type="audio/mpeg")


@pytest.mark.parametrize(
    "error",
    [
        MediaRefused("media_changed", "it grew"),
        MediaUnavailable("gone"),
        OSError(5, "Input/output error"),
        BrokenPipeError("of the source"),
        TimeoutError("of the source"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_stream_raises_comes_out_as_it_is_and_the_upload_is_broken(error: Exception) -> None:
    with serving(CREATED) as server, make_client(server.url) as client:
        with pytest.raises(type(error)) as raised:
            upload(client, FailingStream(error))
        server.await_done()

    assert raised.value is error
    assert not server.requests[0].whole
    assert len(server.requests[0].body) > BLOCK_BYTES


@pytest.mark.parametrize("at", [BLOCK_BYTES, 3 * BLOCK_BYTES], ids=["first block", "last block"])
@pytest.mark.parametrize(
    "error", [LeaseLost("claimed again"), ConnectionResetError("of the watcher")], ids=str
)
def test_what_the_watcher_raises_ends_the_upload(at: int, error: Exception) -> None:
    def on_bytes(sent: int) -> None:
        if sent == at:
            raise error

    with serving(CREATED) as server, make_client(server.url) as client:
        with pytest.raises(type(error)) as raised:
            upload(client, Stream(b"x" * 3 * BLOCK_BYTES), on_bytes=on_bytes)
        server.await_done()
        again = upload(client, Stream(b"y"))

    assert raised.value is error
    assert [request.whole for request in server.requests] == [False, True]
    assert again.call_id == "42"
    assert len(server.connections) == 2


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("size_bytes", [10, PIECE_MAX_BYTES + 2])
def test_media_of_another_length_than_it_said_never_arrives_whole(size_bytes: int, more: int) -> None:
    with serving(CREATED) as server, make_client(server.url) as client:
        with pytest.raises(MediaRefused) as refusal:
            upload(client, Stream(b"x" * size_bytes, size_bytes=size_bytes + more))
        server.await_done()

    assert refusal.value.code == "media_changed"
    (request,) = server.requests
    assert not request.whole
    # What is sent in one piece is known before any of it is sent.
    assert bool(request.body) == (size_bytes > PIECE_MAX_BYTES)


def test_a_watcher_ends_an_upload_that_does_not_move() -> None:
    over = threading.Event()

    def handle(connection: Connection) -> None:
        connection.read_head()
        over.wait(PATIENCE_S)

    looks: list[float] = []

    def watch(_sent: int) -> None:
        looks.append(time.monotonic())
        # Nothing moved since the last look.
        if looks[-1] - looks[-2:][0] > 0.8 * LOOK_INTERVAL_S:
            raise LeaseLost("claimed again")

    with serving(handle) as server, make_client(server.url, read_timeout_s=60) as client:
        began = time.monotonic()
        with pytest.raises(LeaseLost):
            upload(client, Stream(b"x" * 100 * BLOCK_BYTES), on_bytes=watch)
        took_s = time.monotonic() - began
        over.set()

    assert took_s < PATIENCE_S / 2


def test_a_server_that_stops_reading_is_left() -> None:
    over = threading.Event()

    def handle(connection: Connection) -> None:
        connection.read_head()
        over.wait(10)

    with serving(handle) as server, make_client(server.url, read_timeout_s=0.3) as client:
        with pytest.raises(RequestFailed) as failure:
            upload(client, Stream(b"x" * 100 * BLOCK_BYTES))
        over.set()

    assert (failure.value.code, failure.value.sent) == ("timed_out", True)


def test_a_reset_in_the_middle_is_connection_lost() -> None:
    def handle(connection: Connection) -> None:
        connection.read_head()
        connection.reset()

    with (
        serving(handle) as server,
        make_client(server.url) as client,
        pytest.raises(RequestFailed) as failure,
    ):
        upload(client, Stream(b"x" * 100 * BLOCK_BYTES))

    assert (failure.value.code, failure.value.sent) == ("connection_lost", True)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("bytes_per_s", "in_time"), [(1e6, True), (1e12, False)])
def test_the_deadline_of_an_upload_grows_with_its_size(bytes_per_s: float, in_time: bool) -> None:
    size = 40 * BLOCK_BYTES

    def handle(connection: Connection) -> None:
        request = connection.read_head()
        threading.Event().wait(0.6)  # reads on only when the deadline of a small request has passed
        connection.read_body(request)
        connection.answer(201, {"callId": "42"})

    options = {"request_deadline_s": 0.3, "upload_bytes_per_s_min": bytes_per_s}
    with serving(handle) as server, make_client(server.url, **options) as client:
        if in_time:
            assert upload(client, Stream(b"x" * size)).status == 201
        else:
            with pytest.raises(RequestFailed, match="in time"):
                upload(client, Stream(b"x" * size))


@pytest.mark.parametrize(("bytes_per_s", "in_time"), [(1_000, True), (1_000_000, False)])
def test_the_answer_to_an_upload_may_take_longer_the_larger_it_is(
    monkeypatch: pytest.MonkeyPatch, bytes_per_s: int, in_time: bool
) -> None:
    monkeypatch.setattr("pipeline.gong.client.TAKEN_IN_BYTES_PER_S", bytes_per_s)

    def handle(connection: Connection) -> None:
        connection.read_request()
        if in_time:
            threading.Event().wait(0.5)
            connection.answer(201, {"callId": "42"})
        else:
            connection.await_close()

    with serving(handle) as server, make_client(server.url, read_timeout_s=0.1) as client:
        if in_time:
            assert upload(client, Stream(b"x" * 5_000)).call_id == "42"
        else:
            with pytest.raises(RequestFailed) as raised:
                upload(client, Stream(b"x" * 5_000))
            assert (raised.value.code, raised.value.sent) == ("timed_out", True)


def test_memory_does_not_grow_with_the_size() -> None:
    class Endless:
        size_bytes = 300 * BLOCK_BYTES
        _left = size_bytes

        def read(self, size: int, /) -> bytes:
            block = bytes(min(size, self._left))
            self._left -= len(block)
            return block

    def handle(connection: Connection) -> None:
        size = int(connection.read_head().headers["content-length"]) - len(connection._rest)
        buffer = bytearray(1 << 20)
        while size > 0:
            size -= connection.sock.recv_into(buffer)
        connection.answer(201, {"callId": "42"})

    with serving(handle) as server, make_client(server.url) as client:
        client.connect()
        tracemalloc.start()
        answer = client.upload_media("42", Endless(), file_name="a.mp3", content_type="audio/mpeg")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert answer.status == 201
    assert peak < 8 << 20
