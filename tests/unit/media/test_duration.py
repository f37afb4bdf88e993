"""How long recordings are, by their headers."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MediaRefused
from pipeline.media.duration import DURATION_MAX_S, READ_MAX_BYTES, duration_of
from pipeline.media.mp4 import BOXES_MAX
from tests.fixtures.make_media import FIXTURES, KINDS, SECONDS, Kind
from tests.unit.media.headers import (
    NO_END,
    au,
    avi,
    element,
    fragment,
    index,
    information,
    matroska,
    movie,
    opus_head,
    page,
    run_with_durations,
    tracks,
)
from tests.unit.media.samples import MP3_FRAME, MP3_TELEPHONE_FRAME, box, ebml, id3, mp4, mpeg_frame

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


def adts_frame(length: int) -> bytes:
    """A frame of AAC in ADTS at 44,100 Hz, so many bytes long."""
    return mpeg_frame(f"fff15080{length >> 3:02x}{(length & 7) << 5 | 31:02x}fc", length)


def measured(content: bytes) -> float | None:
    return duration_of(lambda offset, size: content[offset : offset + size], len(content))


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
def test_headers_say_how_long_a_recording_is(content: bytes, expected_s: float) -> None:
    assert measured(content) == pytest.approx(expected_s, abs=0.1)


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
def test_what_its_headers_do_not_say_is_not_known(content: bytes) -> None:
    assert measured(content) is None


@pytest.mark.parametrize("whole", [make_wav(1), MP3_FRAME * 20, make_mp4(45), id3(500) + MP3_FRAME * 9])
def test_a_file_that_ends_anywhere_is_no_error(whole: bytes) -> None:
    for size in range(0, min(len(whole), 700), 7):
        duration_s = measured(whole[:size])
        assert duration_s is None or duration_s >= 0


def endless_run() -> bytes:
    """An MP4 in fragments whose run of samples says that it goes on for as long as the file does."""
    head = movie(of_extension=None)
    described = box(b"tfhd", bytes(4) + struct.pack(">I", 1)) + box(b"tfdt", bytes(8))
    run_bytes = FILE_BYTES - len(head) - 16 - len(described)
    run = struct.pack(">I4sII", run_bytes, b"trun", 0x100, 0xFFFF_FFFF)
    inner = struct.pack(">I4s", run_bytes + len(described) + 8, b"traf") + described + run
    return head + struct.pack(">I4s", run_bytes + len(described) + 16, b"moof") + inner


FILE_BYTES = 8 * READ_MAX_BYTES


@pytest.mark.parametrize("head", [b"", endless_run(), b"RIFF\xff\xff\xff\x7fWAVE", b"#!AMR\n", b"OggS\0\2"])
def test_no_more_is_read_at_once_than_a_header_has(head: bytes) -> None:
    asked: list[int] = []

    def read_at(offset: int, size: int) -> bytes:
        asked.append(size)
        return (head[offset : offset + size] + bytes(size))[: max(0, min(size, FILE_BYTES - offset))]

    duration_of(read_at, FILE_BYTES)

    assert asked
    assert max(asked) <= READ_MAX_BYTES


def test_the_last_fragment_that_was_looked_at_need_not_be_the_last() -> None:
    content = (FIXTURES / "in-fragments.m4a").read_bytes()
    assert measured(content) == pytest.approx(SECONDS, abs=0.2)
    # So many boxes are there behind it that its end is never seen.
    assert measured(content + box(b"free", b"") * BOXES_MAX) is None


def test_aac_of_a_rate_that_varies_is_about_right() -> None:
    silence, speech = adts_frame(100), adts_frame(300)
    chance = random.Random(1)
    bursts = (chance.choice((silence, speech)) * chance.randrange(20, 150) for _ in range(800))
    content = b"".join(bursts)
    count = content.count(silence[:7]) + content.count(speech[:7])

    assert measured(content) == pytest.approx(count * 1024 / 44_100, rel=0.25)
    assert measured(id3(300) + speech * 100) == pytest.approx(100 * 1024 / 44_100)


def test_amr_that_leaves_frames_out_in_silence_is_about_right() -> None:
    spoken, silent, nothing = b"\x3c" + bytes(31), b"\x44" + bytes(5), b"\x7c"
    content = (spoken * 50 + (silent + nothing * 7) * 6) * 600

    assert measured(b"#!AMR\n" + content) == pytest.approx(98 * 600 * 0.02, rel=0.05)
    assert measured(b"#!AMR-WB\n" + (b"\x44" + bytes(60)) * 250) == pytest.approx(5)


@pytest.mark.parametrize(
    ("frame_bytes", "head"),
    [
        ((13, 14, 16, 18, 20, 21, 27, 32, 6), b"#!AMR\n"),
        ((18, 24, 33, 37, 41, 47, 51, 59, 61, 6), b"#!AMR-WB\n"),
    ],
)
def test_a_frame_of_amr_is_as_long_as_its_type_says(frame_bytes: tuple[int, ...], head: bytes) -> None:
    for number, length in enumerate(frame_bytes):
        frame = bytes([number << 3 | 4]) + bytes(length - 1)
        assert measured(head + frame * 100) == 2
        assert measured(head + (frame + b"\x7c") * 50) == 2


def test_of_aac_only_the_frames_count() -> None:
    assert measured(id3(400_000) + adts_frame(300) * 2_000) == pytest.approx(2_000 * 1024 / 44_100, rel=0.01)


@pytest.mark.parametrize(
    ("content", "expected_s"),
    [
        (page(1, opus_head(24_000), begins=True) + page(1, b"x", position=72_000), 1),
        # Of the others in the same file, and of pages in which nothing ends, none says how long it is.
        (
            page(7, b"\x80theora", begins=True)
            + page(1, opus_head(0), begins=True)
            + page(1, b"x", position=96_000)
            + page(1, b"x", position=NO_END)
            + page(7, b"x", position=48_000),
            2,
        ),
        (page(1, opus_head(0), begins=True) + page(2, b"x", position=72_000), None),
        (page(1, b"something else", begins=True) + page(1, b"x", position=72_000), None),
        (page(1, b"\x01vorbis" + bytes(20), begins=True) + page(1, b"x", position=72_000), None),
        (matroska(information(3_000, 1_000_000), tracks(2)), 3),
        (matroska(information(6_000, 500_000), tracks(2), is_open=True), 3),
        (matroska(tracks(2), information(3_000, 1_000_000)), 3),
        (matroska(element("1549a966", element("4489", struct.pack(">f", 2_000)))), 2),
        (matroska(element("1549a966", element("4489", struct.pack(">d", float("nan"))))), None),
        (matroska(element("1549a966", element("4489", struct.pack(">d", -5)))), None),
        # Behind the first of the media nobody looks.
        (matroska(element("1f43b675", bytes(100)), information(3_000, 1_000_000)), None),
        (movie(of_extension=20) + fragment(begins=0, count=50) + fragment(begins=1000, count=50), 2),
        (movie(of_extension=20) + fragment(begins=1000, count=50, of_header=40), 3),
        (movie(of_extension=None) + fragment(begins=1000, count=50, of_header=40, wide=True), 3),
        (movie(of_extension=20) + run_with_durations(1000, [500, 250, 250]), 2),
        (movie(of_extension=None) + index([1000, 500]), 1.5),
        (movie(of_extension=None) + index([1000], of_indexes=[7000], wide=True) + index([500]), 1.5),
        (movie(of_extension=20) + index([1000, 500]) + fragment(begins=9000, count=50), 1.5),
        (avi(40_000, 50), 2),
        (avi(40_000, 50, in_all=75), 3),
        (avi(0, 50), None),
        (au(16_000, told_bytes=16_000, encoding=1), 2),
        (au(16_000, told_bytes=16_000, encoding=3), 1),
        (au(16_000, told_bytes=8_000, encoding=27), 1),
        (au(16_000, told_bytes=0xFFFF_FFFF, encoding=27), 2),
        (au(16_000, told_bytes=99_000, encoding=1), 2),
        (au(16_000, told_bytes=16_000, encoding=23), None),
    ],
)
def test_what_ffmpeg_does_not_write(content: bytes, expected_s: float | None) -> None:
    assert measured(content) == expected_s


def test_matroska_that_was_streamed_does_not_say_how_long_it_is() -> None:
    assert measured((FIXTURES / "live.webm").read_bytes()) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=20)
@given(data=st.data())
def test_a_damaged_recording_is_survived(kind: Kind, data: st.DataObject) -> None:
    content = bytearray((FIXTURES / kind.name).read_bytes()[:4_000])
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, min(len(content) - 1, 400)))] = data.draw(
            st.sampled_from((0, 1, 127, 255))
        )

    duration_s = measured(bytes(content))

    assert duration_s is None or 0 <= duration_s <= DURATION_MAX_S


def test_media_that_would_take_too_many_parts_is_not_measured() -> None:
    def read_at(_offset: int, _size: int) -> bytes:
        raise MediaRefused("media_kind", "too many parts")

    assert duration_of(read_at, 1000) is None
