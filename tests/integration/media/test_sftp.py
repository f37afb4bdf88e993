"""Files at an SFTP server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media import Access, open_media, probe
from pipeline.media.sources import sftp
from tests.integration.media.test_web import read_all, refusal_of
from tests.recordings import wav
from tests.stores import SFTP, running_sftp
from tests.unit.media.samples import box, mp4

LARGE = wav(bytes(range(256)) * 20_000)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SFTP]:
    with running_sftp(tmp_path_factory.mktemp("sftp")) as running:
        yield running


@pytest.fixture
def server(shared_server: SFTP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SFTP]:
    calls = shared_server.folder / "calls"
    calls.mkdir(exist_ok=True)
    (calls / "a call#1?.wav").write_bytes(LARGE)
    (shared_server.folder / "secret.wav").write_bytes(LARGE)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(shared_server.known_host)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    sftp.let_go()
    yield shared_server
    sftp.let_go()


def access_to(server: SFTP, **more: Any) -> Access:
    return Access((f"{server.url}/calls",), sftp_password=server.password, **more)


def test_a_file_is_looked_at_and_read(server: SFTP) -> None:
    access = access_to(server)

    for reference in (f"{server.url}/calls/a call#1?.wav", "a call#1?.wav"):
        media = probe(reference, access, measured=True)
        assert (media.size_bytes, media.file_name) == (len(LARGE), "a_call_1_.wav")
        assert media.duration_s == pytest.approx(640)
        assert read_all(open_media(media.reference, access)[1]) == sha256(LARGE).hexdigest()


def test_the_user_is_that_of_the_root(server: SFTP) -> None:
    reference = f"{server.url.replace('recorder@', '')}/calls/a call#1?.wav"
    assert probe(reference, access_to(server)).size_bytes == len(LARGE)


def test_an_index_at_the_end_is_found(server: SFTP) -> None:
    content = box(b"ftyp", b"isom" + bytes(4)) + box(b"mdat", bytes(300_000)) + mp4(b"soun")[20:]
    (server.folder / "calls" / "b").write_bytes(content)
    assert probe(f"{server.url}/calls/b", access_to(server)).content_type == "audio/mp4"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/calls/none.wav", "media_missing"),
        ("/calls/empty.wav", "media_empty"),
        ("/calls", "media_unreadable"),
        ("/calls/", "media_unreadable"),
        ("/calls/folder", "media_unreadable"),
        ("/calls/fifo", "media_unreadable"),
        ("/calls/link.wav", "media_outside_roots"),
        ("/secret.wav", "media_outside_roots"),
        ("/callsign/a.wav", "media_outside_roots"),
        ("/calls/../secret.wav", "media_unreadable"),
        ("/calls/%2e%2e/secret.wav", "media_unreadable"),
        ("/calls/a\0.wav", "media_unreadable"),
    ],
)
def test_what_is_refused(server: SFTP, path: str, code: str) -> None:
    calls = server.folder / "calls"
    (calls / "empty.wav").touch()
    (calls / "folder").mkdir(exist_ok=True)
    if not (calls / "fifo").exists():
        os.mkfifo(calls / "fifo")
        (calls / "link.wav").symlink_to("../secret.wav")

    assert refusal_of(f"{server.url}{path}", access_to(server)).code == code


@pytest.mark.parametrize(
    "address",
    ["sftp://other@127.0.0.1:PORT", "sftp://recorder:word@127.0.0.1:PORT", "sftp://127.0.0.1", "sftp://"],
)
def test_no_other_server_and_no_other_user(server: SFTP, address: str) -> None:
    address = address.replace("PORT", server.url.rpartition(":")[2])
    refusal = refusal_of(f"{address}/calls/a.wav", access_to(server))
    assert refusal.code in {"media_outside_roots", "media_unreadable"}
    assert "word" not in str(refusal)


@pytest.mark.parametrize("replaced", [LARGE + b"more", LARGE[:-9]])
def test_a_file_that_changes_while_it_is_read(server: SFTP, replaced: bytes) -> None:
    path = server.folder / "calls" / "c.wav"
    path.write_bytes(LARGE)
    stream = open_media(f"{server.url}/calls/c.wav", access_to(server))[1]
    stream.read(1000)
    path.write_bytes(replaced)

    with pytest.raises(MediaRefused) as raised:
        read_all(stream)
    assert raised.value.code == "media_changed"


def test_a_wrong_password_is_waited_for_and_not_shown(server: SFTP) -> None:
    with pytest.raises(MediaUnavailable, match="Authentication failed") as raised:
        probe(f"{server.url}/calls/c.wav", Access((f"{server.url}/calls",), sftp_password="wrong-word"))
    assert "wrong-word" not in str(raised.value)


def test_a_server_that_is_not_known_is_not_spoken_to(server: SFTP, tmp_path: Path) -> None:
    (tmp_path / ".ssh" / "known_hosts").write_text("")
    with pytest.raises(MediaUnavailable, match="not found in known_hosts"):
        probe(f"{server.url}/calls/c.wav", access_to(server))


def test_a_server_that_is_gone_is_waited_for() -> None:
    with pytest.raises(MediaUnavailable):
        probe("sftp://127.0.0.1:9/a.wav", Access(("sftp://127.0.0.1:9",)))


def test_a_connection_that_was_lost_is_made_anew(server: SFTP) -> None:
    access = access_to(server)
    probe(f"{server.url}/calls/a call#1?.wav", access)
    next(iter(sftp._CLIENTS.values())).ssh.close()

    assert probe(f"{server.url}/calls/a call#1?.wav", access).size_bytes == len(LARGE)
