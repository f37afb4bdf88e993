"""How long recordings are, by their headers."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pipeline.preflight.duration import READ_MAX_BYTES, _Bounded, duration_of
from tests.unit.media.samples import MP3_FRAME, MP3_TELEPHONE_FRAME, box, ebml, id3, mp4

BYTES_A_SECOND = 8_000


def make_wav(
    seconds: float, *, form: int = 1, claimed_bytes: int | None = None, before: bytes = b""
) -> bytes:
    """A WAV of telephone quality, which may claim to be of another form or length, with chunks before."""
    data = bytes(int(seconds * BYTES_A_SECOND))
    head = struct.pack("<HHIIHH", form, 1, 8_000, BYTES_A_SECOND, 1, 8)
    claimed = struct.pack("<I", len(data) if claimed_bytes is None else claimed_bytes)
    chunks = before + b"fmt " + struct.pack("<I", len(head)) + head + b"data" + claimed + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def make_mp4(seconds: int) -> bytes:
    """An MP4 whose index says how long it is."""
    index = box(b"moov", box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 8_000, seconds * 8_000) + bytes(80)))
    return box(b"ftyp", b"M4A " + bytes(4)) + index + box(b"mdat", bytes(100))


@pytest.mark.parametrize(
    ("content", "expected_s"),
    [
        (make_wav(40), 40),
        (make_wav(0), 0),
        # A recorder that was switched off never wrote how long the recording is.
        (make_wav(40, claimed_bytes=0), 40),
        (make_wav(40, claimed_bytes=0xFFFF_FFFF), 40),
        # A copy that was cut off still says how long it was.
        (make_wav(2, claimed_bytes=40 * BYTES_A_SECOND), 2),
        (make_wav(40, form=7), 40),
        (make_wav(40, form=0x31, before=b"LIST\x05\0\0\0a\0b\0c\0"), 40),
        (b"RF64" + make_wav(40, claimed_bytes=0xFFFF_FFFF)[4:], 40),
        (MP3_FRAME * 1_000, 1_000 * 1152 / 44_100),
        (MP3_TELEPHONE_FRAME * 1_000, 1_000 * 576 / 8_000),
        (id3(3_000) + MP3_FRAME * 1_000, 1_000 * 1152 / 44_100),
        (make_mp4(45), 45),
    ],
)
def test_headers_say_how_long_a_recording_is(content: bytes, expected_s: float, tmp_path: Path) -> None:
    path = tmp_path / "media"
    path.write_bytes(content)

    assert duration_of(path) == pytest.approx(expected_s, abs=0.1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no media at all",
        b"RIFF\xff\xff\xff\xffWAVE" + bytes(1_000),
        b"RIFF\x04\0\0\0WAVEfmt \xff\xff\xff\xff",
        b"RIFF\x04\0\0\0WAVEdata\x04\0\0\0abcd",
        mp4(b"soun"),
        make_mp4(0),
        ebml(b"webm"),
        b"OggS\0\x02" + bytes(30),
        b"fLaC" + bytes(30),
    ],
)
def test_what_its_headers_do_not_say_is_not_known(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "media"
    path.write_bytes(content)

    assert duration_of(path) is None


@pytest.mark.parametrize("whole", [make_wav(1), MP3_FRAME * 20, make_mp4(45), id3(500) + MP3_FRAME * 9])
def test_a_file_that_ends_anywhere_is_no_error(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "media"
    for size in range(0, min(len(whole), 700), 7):
        path.write_bytes(whole[:size])
        duration_s = duration_of(path)
        assert duration_s is None or duration_s >= 0


def test_no_more_is_read_at_once_than_a_header_has(tmp_path: Path) -> None:
    path = tmp_path / "media"
    path.write_bytes(bytes(2 * READ_MAX_BYTES))
    with path.open("rb") as file:
        bounded = _Bounded(file)
        assert len(bounded.read(1 << 32)) == READ_MAX_BYTES
        assert len(bounded.read()) == READ_MAX_BYTES


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        duration_of(tmp_path / "gone.wav")
