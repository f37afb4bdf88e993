"""Probing: every bad input with its code, and what is kept of a good one."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from pipeline.errors import MediaRefused
from pipeline.media import MAX_MEDIA_BYTES, Access, Media, open_media, probe
from pipeline.media.kind import MP3, MP4_AUDIO
from pipeline.media.probe import safe_file_name
from tests.unit.media.places import refusal_of, write
from tests.unit.media.samples import mp4, wav


def test_what_is_known_of_good_media(root: Path) -> None:
    content = wav(777)
    path = write(root / "2024" / "call.wav", content)

    media = probe("2024/call.wav", Access((root,)))

    found = path.stat()
    assert media == Media(
        reference="2024/call.wav",
        file_name="call.wav",
        size_bytes=len(content),
        content_type="audio/wav",
        fingerprint=f"{found.st_ino}/{len(content)}/{found.st_mtime_ns}/{found.st_ctime_ns}",
    )


def test_names_of_every_script_and_with_colons_are_taken(root: Path) -> None:
    name = "2024-01-01T10:00:00 Müller & 田中 'x' #1?.mp3"
    write(root / name)

    assert probe(name, Access((root,))).file_name == "2024-01-01T10_00_00_Muller_x_1_.mp3"


def test_the_name_follows_the_content(root: Path) -> None:
    write(root / "call.mp3", mp4(b"soun"))

    media = probe("call.mp3", Access((root,)))

    assert (media.file_name, media.content_type) == ("call.m4a", "audio/mp4")


def test_empty(root: Path) -> None:
    write(root / "call.mp3", b"")

    assert refusal_of("call.mp3", root).code == "media_empty"


def test_the_largest_media_that_gong_takes_is_taken_and_a_byte_more_is_not(root: Path) -> None:
    path = write(root / "call.wav", wav())
    os.truncate(path, MAX_MEDIA_BYTES)
    assert probe("call.wav", Access((root,))).size_bytes == MAX_MEDIA_BYTES

    os.truncate(path, MAX_MEDIA_BYTES + 1)
    refusal = refusal_of("call.wav", root)

    assert refusal.code == "media_too_large"
    assert "1,500,000,001" in str(refusal)


def test_text_by_the_name_of_a_recording(root: Path) -> None:
    write(root / "call.mp3", b"not yet recorded\n" * 50)

    assert refusal_of("call.mp3", root).code == "media_kind"


FORMAT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)


def riff(*chunks: bytes, mark: bytes = b"RIFF", length: int | None = None) -> bytes:
    content = b"WAVE" + b"".join(chunks)
    return mark + struct.pack("<I", len(content) if length is None else length) + content


def data(length: int, there: bytes) -> bytes:
    return b"data" + struct.pack("<I", length) + there


HEADERS = {
    "20 bytes": (riff(b"fmt \x10\0\0\0"), "media_kind"),
    "no chunk": (riff(), "media_kind"),
    "no sound": (riff(FORMAT), "media_kind"),
    "no format": (riff(data(4, b"abcd")), "media_kind"),
    "a format that is too short": (riff(b"fmt \x02\0\0\0\1\0", data(4, b"abcd")), "media_kind"),
    "the format behind the sound": (riff(data(4, b"abcd"), FORMAT), "media_kind"),
    "a chunk longer than the file": (riff(FORMAT, b"LIST\xff\xff\0\0abcd"), "media_kind"),
    "chunks without end": (riff(FORMAT, b"junk\0\0\0\0" * 5000, data(4, b"abcd")), "media_kind"),
    "zero bytes of sound": (riff(FORMAT, data(0, b"")), "media_empty"),
    "zero bytes of sound and other chunks": (riff(FORMAT, data(0, b""), b"LIST\4\0\0\0abcd"), "media_empty"),
    "a length of sound and none there": (riff(FORMAT, data(1000, b"")), "media_empty"),
    "recorded for no time at all": (riff(FORMAT, data(0, b""), length=0), "media_empty"),
}


@pytest.mark.parametrize(("content", "code"), HEADERS.values(), ids=HEADERS.keys())
def test_a_wav_without_sound_is_refused(root: Path, content: bytes, code: str) -> None:
    write(root / "call.wav", content)

    assert refusal_of("call.wav", root).code == code


PLAYABLE = {
    "the usual": riff(FORMAT, data(4, b"abcd")),
    "one byte": riff(FORMAT, data(1, b"a")),
    "other chunks before, one of odd length": riff(
        b"LIST\3\0\0\0abc\0", FORMAT, b"fact\4\0\0\0aaaa", data(1, b"a")
    ),
    "cut off": riff(FORMAT, data(1000, b"abcd")),
    "no length was written": riff(FORMAT, data(0, b"abcd"), length=0),
    "the length of a stream": riff(FORMAT, data(0xFFFFFFFF, b"abcd"), length=0xFFFFFFFF),
    "over 4 GB": riff(
        b"ds64" + struct.pack("<I", 28) + bytes(28), FORMAT, data(0xFFFFFFFF, b"a"), mark=b"RF64"
    ),
}


@pytest.mark.parametrize("content", PLAYABLE.values(), ids=PLAYABLE.keys())
def test_a_wav_with_sound_is_taken_however_its_recorder_ended(root: Path, content: bytes) -> None:
    write(root / "call.wav", content)

    assert probe("call.wav", Access((root,))).content_type == "audio/wav"


@pytest.mark.parametrize(
    "reference", ["ftp://host/a.mp3", "GOPHER://host/a.mp3", "file:///a.mp3", "a+b-c.d://x", "data://x"]
)
def test_a_scheme_that_is_not_known(root: Path, reference: str) -> None:
    refusal = refusal_of(reference, root)

    assert refusal.code == "media_scheme_unknown"
    assert "a path of a local file" in str(refusal)


def test_every_file_is_closed_again(root: Path) -> None:
    write(root / "good.mp3")
    write(root / "bad.mp3", b"text")
    (root / "folder").mkdir()
    opened = len(list(Path("/dev/fd").iterdir()))

    for _ in range(20):
        media = probe("good.mp3", Access((root,)))
        with open_media(media.reference, Access((root,)))[1] as stream:
            stream.read()
        for reference in ("bad.mp3", "folder", "missing.mp3", "../x"):
            refusal_of(reference, root)
            with pytest.raises(MediaRefused):
                open_media(reference, Access((root,)))

    assert len(list(Path("/dev/fd").iterdir())) == opened


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("call.mp3", "call.mp3"),
        ("call.MP3", "call.mp3"),
        ("call.wav", "call.mp3"),
        ("call", "call.mp3"),
        ("call.2024.01.02", "call.2024.01.02.mp3"),
        ('a".mp3\r\nX-Evil: 1', "a_.mp3_X-Evil_1.mp3"),
        ('"; name="other', "name_other.mp3"),
        ("..", "recording.mp3"),
        (".mp3", "mp3.mp3"),
        ("", "recording.mp3"),
        ("☎.mp3", "mp3.mp3"),
        ("Žluťoučký kůň.mp3", "Zlutoucky_kun.mp3"),
        ("a" * 300 + ".mp3", "a" * 96 + ".mp3"),
    ],
)
def test_a_file_name_is_plain_and_fits_its_kind(name: str, safe: str) -> None:
    assert safe_file_name(name, MP3) == safe
    assert safe_file_name(name, MP4_AUDIO).endswith(".m4a")
