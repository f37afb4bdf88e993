"""The kind of media by its content alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.media.kind import ENDINGS, kind_of
from pipeline.media.mp4 import BOXES_MAX
from tests.unit.media.headers import matroska, tracks
from tests.unit.media.samples import (
    ADTS_FRAME,
    ASF,
    ASF_AUDIO,
    ASF_VIDEO,
    MP1_FRAME,
    MP2_FRAME,
    MP3_FRAME,
    MP3_MPEG2_FRAME,
    MP3_TELEPHONE_FRAME,
    box,
    ebml,
    id3,
    mp4,
    ogg,
    track,
    wav,
)


def kind_in(content: bytes) -> tuple[str, str] | None:
    kind = kind_of(lambda offset, size: content[offset : offset + size], len(content))
    return (kind.content_type, kind.ending) if kind else None


KINDS = {
    "wav": (wav(), "audio/wav", ".wav"),
    "wav over 4 GB": (b"RF64\xff\xff\xff\xffWAVEds64" + bytes(100), "audio/wav", ".wav"),
    "mp3": (MP3_FRAME * 5, "audio/mpeg", ".mp3"),
    "mp3 of a telephone": (MP3_TELEPHONE_FRAME * 5, "audio/mpeg", ".mp3"),
    "mp3, mpeg 2": (MP3_MPEG2_FRAME * 5, "audio/mpeg", ".mp3"),
    "mpeg layer II": (MP2_FRAME * 5, "audio/mpeg", ".mp3"),
    "mpeg layer I": (MP1_FRAME * 5, "audio/mpeg", ".mp3"),
    "mp3 of one frame": (MP3_FRAME, "audio/mpeg", ".mp3"),
    "mp3 with a tag": (id3(300) + MP3_FRAME * 5, "audio/mpeg", ".mp3"),
    "mp3 with a picture": (id3(200_000) + MP3_FRAME * 5, "audio/mpeg", ".mp3"),
    "mp3 with a tag, then damage": (id3(30) + bytes(9000), "audio/mpeg", ".mp3"),
    "mp3 after padding": (bytes(2000) + MP3_FRAME * 5, "audio/mpeg", ".mp3"),
    "mp3 cut at its beginning": (MP3_FRAME[100:] + MP3_FRAME * 5, "audio/mpeg", ".mp3"),
    "aac": (ADTS_FRAME * 5, "audio/aac", ".aac"),
    "aac with a tag": (id3(50) + ADTS_FRAME * 5, "audio/aac", ".aac"),
    "flac": (b"fLaC\0\0\0\x22" + bytes(50), "audio/flac", ".flac"),
    "flac with a tag": (id3(50) + b"fLaC\0\0\0\x22" + bytes(50), "audio/flac", ".flac"),
    "mp4 with video": (mp4(b"soun", b"vide"), "video/mp4", ".mp4"),
    "mp4 with audio alone": (mp4(b"soun"), "audio/mp4", ".m4a"),
    "mp4 with audio and text": (mp4(b"text", b"soun", brand=b"mp42"), "audio/mp4", ".m4a"),
    "mp4 with its index last": (mp4(b"vide", index_last=True), "video/mp4", ".mp4"),
    "mp4 over 4 GB": (mp4(b"vide", index_last=True, wide=True), "video/mp4", ".mp4"),
    "m4a": (mp4(b"soun", brand=b"M4A "), "audio/mp4", ".m4a"),
    "quicktime": (mp4(b"soun", b"vide", brand=b"qt  "), "video/quicktime", ".mov"),
    "3gp": (mp4(b"soun", brand=b"3gp5"), "audio/3gpp", ".3gp"),
    "3gp with video": (mp4(b"soun", b"vide", brand=b"3gp5"), "video/3gpp", ".3gp"),
    "mkv": (ebml(b"matroska"), "video/x-matroska", ".mkv"),
    "webm": (ebml(b"webm"), "video/webm", ".webm"),
    "webm with audio alone": (matroska(tracks(2)), "audio/webm", ".webm"),
    "webm with audio and video": (matroska(tracks(2, 1)), "video/webm", ".webm"),
    "mkv with audio alone": (matroska(tracks(2), document=b"matroska"), "video/x-matroska", ".mkv"),
    "ogg": (ogg(b"OpusHead"), "audio/ogg", ".ogg"),
    "ogg with video": (ogg(b"\x80theora"), "video/ogg", ".ogv"),
    "amr": (b"#!AMR\n" + bytes(32), "audio/amr", ".amr"),
    "amr-wb": (b"#!AMR-WB\n" + bytes(32), "audio/amr-wb", ".awb"),
    "aiff": (b"FORM\0\0\0\x20AIFF" + bytes(32), "audio/aiff", ".aiff"),
    "au": (b".snd\0\0\0\x18" + bytes(32), "audio/basic", ".au"),
    "caf": (b"caff\0\x01\0\0" + bytes(32), "audio/x-caf", ".caf"),
    "avi": (b"RIFF\0\0\0\x20AVI LIST" + bytes(32), "video/x-msvideo", ".avi"),
    "flv": (b"FLV\x01\x05" + bytes(32), "video/x-flv", ".flv"),
    "mpeg": (b"\0\0\x01\xba" + bytes(32), "video/mpeg", ".mpg"),
    "mpeg transport stream": ((b"\x47" + bytes(187)) * 6, "video/mp2t", ".ts"),
    "wma": (ASF + bytes(40) + ASF_AUDIO + bytes(99), "audio/x-ms-wma", ".wma"),
    "wmv": (ASF + bytes(40) + ASF_AUDIO + bytes(2000) + ASF_VIDEO, "video/x-ms-wmv", ".wmv"),
}

STRANGERS = {
    "nothing": b"",
    "text": b"This is not a recording.\n" * 400,
    "text in UTF-16": "\ufeffThis is not a recording.\n".encode("utf-16") * 400,
    "an html page": b"<!DOCTYPE html><html><body>404</body></html>",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100),
    "a jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(100),
    "a pdf": b"%PDF-1.7\n" + bytes(100),
    "an archive": b"PK\x03\x04" + bytes(100),
    "a gzip": b"\x1f\x8b\x08\0" + bytes(100),
    "zeros": bytes(20_000),
    "ones": b"\xff" * 20_000,
    "riff of another kind": b"RIFF\0\0\0\x20WEBP" + bytes(100),
    "a tag and nothing else": id3(100),
    "a tag cut off": id3(10_000)[:5000],
    "two frames that do not meet": MP3_FRAME + b"x" + MP3_FRAME + bytes(9000),
    "a frame and then nothing": MP3_FRAME + bytes(9000),
    "mp4 without index": mp4(b"soun", index_last=True)[:4000],
    "mp4 without tracks": mp4(),
    "mp4 of text": mp4(b"text"),
    "heic picture": box(b"ftyp", b"heic" + bytes(4)) + box(b"meta", bytes(100)),
    "mp4 whose box is longer than the file": box(b"ftyp", b"isom" + bytes(4)) + b"\x7f\xff\xff\xffmoov",
    "mp4 whose box is too short": box(b"ftyp", b"isom" + bytes(4)) + b"\0\0\0\x04moov" + bytes(100),
    "matroska of another kind": ebml(b"other"),
    "matroska of text": matroska(tracks(0x11), document=b"matroska"),
    "ebml cut off": ebml(b"webm")[:14],
}


@pytest.mark.parametrize("name", KINDS)
def test_kind(name: str) -> None:
    content, content_type, ending = KINDS[name]

    assert kind_in(content) == (content_type, ending)


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_neither_audio_nor_video_has_no_kind(name: str) -> None:
    assert kind_in(STRANGERS[name]) is None


def test_every_ending_of_a_kind_is_known_as_one() -> None:
    assert {ending for _, _, ending in KINDS.values()} <= ENDINGS


def test_an_index_made_to_be_read_for_ever_is_left() -> None:
    reads = 0
    content = box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", track(b"text") * (BOXES_MAX // 2))

    def read_at(offset: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        return content[offset : offset + size]

    assert kind_of(read_at, len(content)) is None
    assert BOXES_MAX < reads < 2 * BOXES_MAX


@given(st.binary(max_size=2000))
@example(mp4(b"vide")[:200])
@example(id3(5)[:9])
def test_any_bytes_are_survived(content: bytes) -> None:
    kind_in(content)


@given(st.text(max_size=2000))
def test_no_text_is_taken_for_media(text: str) -> None:
    # Texts that begin with a signature would be another matter; hypothesis does not write `RIFF....WAVE`.
    assert kind_in(text.encode(errors="replace")) is None


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_a_file_cut_anywhere_is_survived(name: str, data: st.DataObject) -> None:
    content = KINDS[name][0]

    kind_in(content[: data.draw(st.integers(0, len(content)))])
