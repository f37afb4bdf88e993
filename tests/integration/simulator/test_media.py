"""Uploads: small, huge, broken off, and refused before they have begun."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.simulator.client import Client, raw_connection, raw_head, read_to_end
from tests.simulators import Simulator
from tests.unit.simulator.calls import BOUNDARY, FORM, MP4, WAV, make_form

LARGEST_BYTES = 1_500_000_000
PIECE_BYTES = 1024 * 1024


def media_of(simulator: Simulator, call_id: str) -> dict[str, Any] | None:
    calls = simulator.record("requests=0")["calls"]
    media: dict[str, Any] | None = next(call["media"] for call in calls if call["callId"] == call_id)
    return media


def new_call(client: Client, name: str) -> str:
    return str(client.create(clientUniqueId=name).fields["callId"])


def frame() -> tuple[bytes, bytes]:
    """Return what stands before and after the file in the body of an upload."""
    head, tail = make_form(b"CONTENT").split(b"CONTENT")
    return head, tail


def zeros(size_bytes: int) -> Iterator[bytes]:
    """Yield a WAV file of this size that is nothing but zeros after its first bytes."""
    yield WAV
    left = size_bytes - len(WAV)
    piece = bytes(PIECE_BYTES)
    while left > 0:
        yield piece[:left]
        left -= len(piece)


def test_media_arrives_byte_for_byte(client: Client, simulator: Simulator) -> None:
    call_id = new_call(client, "media-1")
    content = WAV + bytes(range(256)) * 4_000
    reply = client.upload(call_id, content=content)
    assert reply.status == 201
    assert reply.fields["callId"] == call_id
    assert reply.fields["url"] == f"https://app.gong.io/call?id={call_id}"
    media = media_of(simulator, call_id)
    assert media is not None
    assert (media["bytes"], media["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (media["file_name"], media["content_type"]) == ("call.wav", "audio/wav")


def test_a_second_upload_is_told_that_the_media_is_there(client: Client) -> None:
    call_id = new_call(client, "media-2")
    assert client.upload(call_id, content=WAV + b"media-2").status == 201
    again = client.upload(call_id, content=WAV + b"other")
    assert again.status == 400
    assert again.error.endswith("has already been handled")


def test_the_bytes_of_another_call_are_refused_with_its_id(client: Client, simulator: Simulator) -> None:
    first, second = new_call(client, "media-3"), new_call(client, "media-4")
    assert client.upload(first, content=WAV + b"media-3").status == 201
    reply = client.upload(second, content=WAV + b"media-3")
    assert reply.status == 400
    assert reply.error.startswith("A media file with the same content has been uploaded in the past")
    assert reply.error.endswith(f"callID with the same content: {first}")
    assert media_of(simulator, second) is None


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"content": b""}, 400),
        ({"name": "media"}, 400),
        ({"content": MP4, "content_type": "audio/mpeg", "file_name": "a.m4a"}, 400),
        ({"content": MP4 + b"1", "content_type": "audio/mp4", "file_name": "a.m4a"}, 201),
        ({"content": MP4 + b"2", "content_type": "application/octet-stream", "file_name": "a.m4a"}, 201),
        ({"content": MP4 + b"3", "content_type": "application/octet-stream", "file_name": "a.txt"}, 400),
    ],
)
def test_a_part_is_judged_by_name_content_and_type(client: Client, form: dict[str, Any], status: int) -> None:
    assert client.upload(new_call(client, f"media-part-{form}"), **form).status == status


def test_a_raw_body_is_an_unsupported_media_type(client: Client) -> None:
    path = f"/v2/calls/{new_call(client, 'media-5')}/media"
    assert client.ask("PUT", path, WAV, {"Content-Type": "audio/wav"}).status == 415


def test_media_for_an_unknown_call_is_not_found(client: Client) -> None:
    assert client.upload("1").status == 404


def test_media_for_a_call_that_gong_downloads_is_refused(client: Client) -> None:
    created = client.create(clientUniqueId="media-6", downloadMediaUrl="https://gong.io/media-6.mp3")
    reply = client.upload(created.fields["callId"])
    assert (reply.status, "downloadMediaUrl" in reply.error) == (400, True)


def test_the_largest_file_passes_and_is_not_held_in_memory(client: Client, simulator: Simulator) -> None:
    call_id = new_call(client, "media-7")
    before_bytes = simulator.health()["peak_memory_bytes"]
    digest = hashlib.sha256()
    head, tail = frame()

    def body() -> Iterator[bytes]:
        yield head
        for piece in zeros(LARGEST_BYTES):
            digest.update(piece)
            yield piece
        yield tail

    length = str(len(head) + LARGEST_BYTES + len(tail))
    headers = {"Content-Type": FORM, "Content-Length": length}
    reply = client.ask("PUT", f"/v2/calls/{call_id}/media", body(), headers)

    assert reply.status == 201
    media = media_of(simulator, call_id)
    assert media is not None
    assert (media["bytes"], media["sha256"]) == (LARGEST_BYTES, digest.hexdigest())
    assert simulator.health()["peak_memory_bytes"] - before_bytes < 16 * 1024 * 1024


def test_a_file_that_is_one_byte_too_large_is_refused(client: Client, simulator: Simulator) -> None:
    call_id = new_call(client, "media-8")
    head, tail = frame()
    # Without a Content-Length there is no telling before the byte arrives.
    body = iter([head, *zeros(LARGEST_BYTES + 1), tail])
    reply = client.ask("PUT", f"/v2/calls/{call_id}/media", body, {"Content-Type": FORM})
    assert reply.status == 413
    assert media_of(simulator, call_id) is None


def test_a_body_whose_length_alone_is_too_large_is_refused_before_it_is_sent(
    client: Client, simulator: Simulator
) -> None:
    path = f"/v2/calls/{new_call(client, 'media-9')}/media"
    with raw_connection(simulator) as connection:
        connection.sendall(raw_head("PUT", path, content_type=FORM, content_length=LARGEST_BYTES + 1_000_000))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_waits_for_leave_to_send_gets_leave_or_the_refusal(
    client: Client, simulator: Simulator
) -> None:
    path = f"/v2/calls/{new_call(client, 'media-10')}/media"
    body = make_form(WAV + b"media-10")
    head = raw_head("PUT", path, content_type=FORM, content_length=len(body), expect="100-continue")
    with raw_connection(simulator) as connection:
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 201 ")
    with raw_connection(simulator) as connection:
        connection.sendall(head)
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"has already been handled" in answer
    assert b"100 " not in answer


def test_an_upload_that_is_broken_off_leaves_the_call_without_media(
    client: Client, simulator: Simulator
) -> None:
    call_id = new_call(client, "media-11")
    path = f"/v2/calls/{call_id}/media"
    body = make_form(WAV + bytes(1_000_000))
    with raw_connection(simulator) as connection:
        connection.sendall(
            raw_head("PUT", path, content_type=FORM, content_length=len(body)) + body[:500_000]
        )
        connection.shutdown(socket.SHUT_WR)
        # The simulator closes its side when it has seen that the upload is over.
        assert read_to_end(connection) == b""
    record = simulator.record()
    assert [row[2:] for row in record["requests"] if row[2] == path] == [[path, 0, "aborted"]]
    assert media_of(simulator, call_id) is None
    assert client.upload(call_id, content=WAV + bytes(1_000_000)).status == 201


def test_a_refusal_reaches_a_client_that_goes_on_sending(client: Client, simulator: Simulator) -> None:
    head, tail = frame()
    body = [head, *zeros(50_000_000), tail]
    headers = {"Content-Type": FORM, "Content-Length": str(sum(map(len, body)))}
    client.ask("GET", "/v2/workspaces")
    kept = client.connection.sock
    assert client.ask("PUT", "/v2/calls/1/media", iter(body), headers).status == 404
    assert client.connection.sock is kept


def test_after_a_refusal_the_body_is_awaited_for_a_while_and_then_the_connection_is_closed(
    client: Client, simulator: Simulator
) -> None:
    head = raw_head("PUT", "/v2/calls/1/media", content_type=FORM, content_length=1_000)
    assert client.upload("1").status == 404
    kept = client.connection.sock
    with raw_connection(simulator) as stalled:
        stalled.sendall(head)
        # It ends when the simulator closes the connection, long after the other's body was complete.
        assert read_to_end(stalled).startswith(b"HTTP/1.1 404 ")
    assert client.ask("GET", "/v2/workspaces").status == 200
    assert client.connection.sock is kept


def test_a_body_that_ends_before_its_closing_boundary_is_malformed(client: Client) -> None:
    path = f"/v2/calls/{new_call(client, 'media-12')}/media"
    body = make_form(WAV).removesuffix(f"\r\n--{BOUNDARY}--\r\n".encode())
    assert client.ask("PUT", path, body, {"Content-Type": FORM}).status == 400


def test_a_file_from_the_disk_arrives_as_it_is(client: Client, simulator: Simulator, tmp_path: Path) -> None:
    call_id = new_call(client, "media-13")
    content = WAV + b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n" * 5_000
    (tmp_path / "call.wav").write_bytes(content)
    assert client.upload(call_id, content=(tmp_path / "call.wav").read_bytes()).status == 201
    media = media_of(simulator, call_id)
    assert media is not None
    assert media["sha256"] == hashlib.sha256(content).hexdigest()
