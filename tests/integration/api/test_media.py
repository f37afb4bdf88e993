"""Media that producers upload themselves: streamed to the disk, there for workers, never half there."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.job import Lane, State, job_id_of
from pipeline.ledger import Ledger
from pipeline.media import Access, open_media
from tests.apis import Answer, Api, path_of, running_api
from tests.integration.api.conftest import claimed
from tests.integration.api.test_batch import resident_bytes, warm
from tests.recordings import make_call, wav
from tests.waiting import await_true

BOUNDARY = "----of-the-test"


def parts(name: str, media: bytes, **overrides: Any) -> bytes:
    return head(name, **overrides) + media + tail()


def head(name: str, **overrides: Any) -> bytes:
    call = json.dumps(make_call(name, **overrides))
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="call"\r\nContent-Type: application/json\r\n'
        f"\r\n{call}\r\n--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="media"; filename="../../a.wav"\r\n\r\n'
    ).encode()


def tail() -> bytes:
    return f"\r\n--{BOUNDARY}--\r\n".encode()


def upload(api: Api, body: bytes, *, query: str = "?batch=uploads", **headers: str) -> Answer:
    form = {"Content_Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return api.ask("POST", f"/calls{query}", body, **(form | headers))


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "media").rglob("*") if path.is_file()]


def own(folder: Path, name: str) -> list[Path]:
    return [path for path in files(folder) if path.name.startswith(job_id_of(name))]


def test_a_file_is_there_for_workers_byte_for_byte(api: Api, folder: Path, ledger: Ledger, name: str) -> None:
    media = wav(os.urandom(300_000) + b"\r\n--" + BOUNDARY.encode()[:-1])

    answer = upload(api, parts(name, media), query="?batch=uploaded&lane=backfill")

    assert answer.status == 202, answer.content
    (path,) = own(folder, name)
    assert path.read_bytes() == media
    claim = claimed(ledger, name, Lane.BACKFILL)
    held = ledger.begin_step(claim.job_id, claim.lease_token, claim.steps[0], run="1")
    access = Access(roots=(folder / "media",))
    _, opened = open_media(held.payload.media or "", access)
    assert (
        hashlib.sha256(b"".join(iter(lambda: opened.read(65536), b""))).digest()
        == hashlib.sha256(media).digest()
    )
    opened.close()


def test_the_same_file_again_is_known_and_another_one_a_conflict_that_leaves_nothing(
    api: Api, folder: Path, name: str
) -> None:
    body = parts(name, wav(b"first"))
    assert [upload(api, body).status, upload(api, body).status] == [202, 200]

    other_bytes = upload(api, parts(name, wav(b"second")))
    other_call = upload(api, parts(name, wav(b"first"), title="other"))

    assert [(answer.status, answer.code) for answer in (other_bytes, other_call)] == [(409, "conflict")] * 2
    (path,) = own(folder, name)
    assert path.read_bytes() == wav(b"first")


def test_of_uploads_racing_with_one_id_one_wins_and_its_file_alone_stays(
    api: Api, folder: Path, name: str
) -> None:
    answers: list[Answer] = []
    contents = [wav(bytes([number % 3]) * 50_000) for number in range(9)]
    threads = [
        threading.Thread(target=lambda each=each: answers.append(taken(api, parts(name, each))))
        for each in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(answer.status for answer in answers) == {202: 1, 200: 2, 409: 6}
    (path,) = own(folder, name)
    (reference,) = {path.read_bytes()} & set(contents)
    assert upload(api, parts(name, reference)).status == 200


def taken(api: Api, body: bytes) -> Answer:
    """Upload again as long as the process that is asked has no place for it: all may come to the same one."""
    while (answer := upload(api, body)).status == 429:
        assert answer.code == "server_busy"
    return answer


@pytest.mark.parametrize(("media", "code"), [(b"", "media_empty"), (b"no media at all", "media_kind")])
def test_what_is_no_media_is_refused_at_once(
    api: Api, folder: Path, name: str, media: bytes, code: str
) -> None:
    refused = upload(api, parts(name, media))

    assert (refused.status, refused.code) == (422, code)
    assert refused.document["problems"][0]["field"] == "media"
    assert own(folder, name) == []
    assert api.ask("GET", path_of(name)).status == 404


def test_a_call_that_is_wrong_is_refused_by_its_fields(api: Api, name: str) -> None:
    refused = upload(api, parts(name, wav(b"x"), direction="in"))

    assert (refused.status, refused.code) == (422, "call_invalid")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_form_without_a_boundary_is_refused(api: Api, name: str, content_type: str) -> None:
    assert upload(api, parts(name, wav(b"x")), Content_Type=content_type).code == "form_malformed"


def test_a_form_that_is_too_large_is_refused_before_it_is_sent(api: Api) -> None:
    connection = api.connect()
    connection.putrequest("POST", "/calls")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(1_600_000_000))
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    connection.close()

    assert response.status == 413


def incoming(folder: Path) -> list[Path]:
    return [path for path in files(folder) if path.parent.name == ".incoming"]


@pytest.mark.parametrize("how", ["shut", "reset"])
def test_an_upload_that_is_broken_off_leaves_nothing(api: Api, folder: Path, name: str, how: str) -> None:
    client = socket.create_connection(api.place, timeout=20)
    body = head(name) + wav(bytes(1 << 20))
    client.sendall(
        f"POST /calls HTTP/1.1\r\nHost: {api.place[0]}\r\nContent-Length: {len(body) + 999}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode()
        + body
    )
    await_true(lambda: any(path.stat().st_size for path in incoming(folder)), "it is being received")

    if how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()

    await_true(lambda: not incoming(folder), "nothing is left of it")
    assert own(folder, name) == []
    assert api.ask("GET", path_of(name)).status == 404


def test_memory_does_not_grow_with_the_file(lone_api: Api, lone_folder: Path, name: str) -> None:
    size = 100 << 20
    warm(lone_api)
    before = resident_bytes(lone_api)
    body = head(name)
    length = len(body) + len(wav(b"")) + size + len(tail())
    peaks: list[int] = []

    def pieces() -> Iterator[bytes]:
        yield body + wav(b"")[:-4] + size.to_bytes(4, "little")
        for _ in range(100):
            yield b"\x7f" * (1 << 20)
            peaks.append(resident_bytes(lone_api))
        yield tail()

    connection = lone_api.connect()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(length)}
    connection.request("POST", "/calls?batch=uploads", pieces(), headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()

    assert response.status == 202, answer
    assert max(peaks) - before < 16 << 20
    (path,) = own(lone_folder, name)
    assert path.stat().st_size == len(wav(b"")) + size
    path.unlink()


def test_a_file_is_removed_when_its_job_is_done_and_by_nobody_before(
    api: Api, folder: Path, server_url: str, namespace: str, ledger: Ledger
) -> None:
    for name in ("swept", "kept"):
        assert upload(api, parts(name, wav(name.encode())), query="?lane=backfill").status == 202
    claim = claimed(ledger, "swept", Lane.BACKFILL)
    for step in claim.steps:
        held = ledger.begin_step(claim.job_id, claim.lease_token, step, run=step)
        ledger.record_step(held, {"call_id": "7"} if step == "create_call" else {})
    assert ledger.states([job_id_of("swept")]) == [State.DONE]
    assert own(folder, "swept")

    # Whoever starts one sweeps, and from then on every minute.
    root = str(folder / "media")
    settings = {"namespace": namespace, "media_roots": root, "api_uploads": f"{root}/uploads"}
    with running_api(folder, server_url, "--processes", "1", **settings):
        await_true(lambda: not own(folder, "swept"), "what is done is swept", within_s=20)

    assert own(folder, "kept")
    # Handed in again it is known, and its file is not kept for nobody.
    assert upload(api, parts("swept", wav(b"swept"))).document["state"] == "done"
    assert own(folder, "swept") == []
