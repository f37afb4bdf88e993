"""Objects in Google Cloud Storage: a server that speaks it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from google.cloud import storage
from google.oauth2 import service_account

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media import Access, open_media, probe
from pipeline.media.sources import gs, sign_link
from tests.integration.gong.servers import Connection, http_answer, serving
from tests.integration.media.test_web import LARGER, read_all, refusal_of
from tests.recordings import wav
from tests.stores import running_gs
from tests.unit.media.samples import box, mp4

LARGE = wav(bytes(range(256)) * 2_000)
ROOT = "gs://calls/2026"
_credentials_of: Any = service_account.Credentials.from_service_account_info
ACCESS = Access((ROOT,), read_timeout_s=5.0)


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """A client with which a test puts objects there."""
    with running_gs() as url, pytest.MonkeyPatch.context() as patched:
        patched.setenv("STORAGE_EMULATOR_HOST", url)
        patched.setenv("GOOGLE_CLOUD_PROJECT", "test")
        client = storage.Client()
        bucket = client.create_bucket("calls")
        index_last = box(b"ftyp", b"isom" + bytes(4)) + box(b"mdat", bytes(300_000)) + mp4(b"soun")[20:]
        contents = {"a call.wav": LARGE, "empty.wav": b"", "text.wav": b"no media", "b.mp4": index_last}
        for name, content in contents.items():
            bucket.blob(f"2026/{name}").upload_from_string(content)
        gs._client_of.cache_clear()
        yield bucket
        client.close()
    gs._client_of.cache_clear()


@pytest.fixture
def anew(store: Any) -> Iterator[None]:
    """Make a client for this test alone: it changes the environment."""
    gs._client_of.cache_clear()
    yield
    gs._client_of.cache_clear()


def test_an_object_is_looked_at_and_read(store: Any) -> None:
    for reference in (f"{ROOT}/a call.wav", "a call.wav"):
        media = probe(reference, ACCESS, measured=True)
        assert (media.size_bytes, media.file_name) == (len(LARGE), "a_call.wav")
        assert media.duration_s == pytest.approx(64)
        assert read_all(open_media(media.reference, ACCESS)[1]) == sha256(LARGE).hexdigest()
    assert probe(f"{ROOT}/b.mp4", ACCESS).content_type == "audio/mp4"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (f"{ROOT}/none.wav", "media_missing"),
        (f"{ROOT}/empty.wav", "media_empty"),
        (f"{ROOT}/text.wav", "media_kind"),
        (f"{ROOT}/", "media_unreadable"),
        (f"{ROOT}/../2027/a.wav", "media_unreadable"),
        ("gs://calls/2027/a.wav", "media_outside_roots"),
        ("gs://others/2026/a.wav", "media_outside_roots"),
        ("s3://calls/2026/a.wav", "media_outside_roots"),
    ],
)
def test_what_is_refused(store: Any, reference: str, code: str) -> None:
    assert refusal_of(reference, ACCESS).code == code


@pytest.mark.parametrize("when", ["before", "while"])
def test_an_object_that_is_replaced(store: Any, when: str) -> None:
    store.blob("2026/c.wav").upload_from_string(LARGER)
    media = probe(f"{ROOT}/c.wav", ACCESS)
    stream = open_media(media.reference, ACCESS)[1]
    if when == "while":
        stream.read(1000)
    store.blob("2026/c.wav").upload_from_string(LARGER[:-1] + b"!")

    with pytest.raises(MediaRefused) as raised:
        read_all(stream)
    assert raised.value.code == "media_changed"


@pytest.mark.usefixtures("anew")
def test_a_store_that_is_out_of_reach_is_waited_for(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    with pytest.raises(MediaUnavailable, match="ConnectionError"):
        probe(f"{ROOT}/a call.wav", ACCESS)


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize("file", ["", "none.json", "odd.json"])
def test_without_credentials_it_is_waited_for(
    store: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str
) -> None:
    (tmp_path / "odd.json").write_text("no key")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / file) if file else "")
    for ask in (probe, sign_link):
        with pytest.raises(MediaUnavailable, match="DefaultCredentialsError"):
            ask(f"{ROOT}/a call.wav", ACCESS)


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize("end", [Connection.close, Connection.reset, Connection.await_close])
def test_a_store_that_gives_a_part_and_no_more_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[Connection], None]
) -> None:
    def give_a_part(connection: Connection) -> None:
        while (request := connection.read_request()).line:
            if "alt=media" in request.line:
                connection.sock.sendall(http_answer(200, LARGE[:100_000])[:50_000])
                end(connection)
                return
            connection.answer(200, {"name": "2026/a.wav", "size": str(len(LARGE)), "generation": "7"})

    with serving(give_a_part) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        with pytest.raises(MediaUnavailable, match="cannot be read now"):
            probe(f"{ROOT}/a.wav", replace(ACCESS, read_timeout_s=0.5))


def test_a_link_is_signed_where_the_credentials_can(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MediaUnavailable, match="no key to sign with"):
        sign_link(f"{ROOT}/a call.wav", ACCESS)
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_private_key("pkcs8-pem").decode()
    told = {
        "client_email": "a@b.iam.gserviceaccount.com",
        "token_uri": "https://localhost/",
        "private_key": key,
    }
    credentials = _credentials_of(told)
    client = gs._client_of(os.getpid())
    monkeypatch.setattr(client, "_credentials", credentials)
    monkeypatch.setattr(client, "_http_internal", storage.Client()._http)

    link = sign_link(f"{ROOT}/a call.wav", ACCESS)

    assert "/calls/2026/a%20call.wav?X-Goog-Algorithm=GOOG4-RSA-SHA256" in link
    assert "X-Goog-Expires=86400" in link
    with pytest.raises(MediaRefused, match="is not there"):
        sign_link(f"{ROOT}/none.wav", ACCESS)
