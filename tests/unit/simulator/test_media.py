"""Kinds of media and the content types that fit them."""

from __future__ import annotations

import pytest

from pipeline.simulator.media import kind_of, problem_with
from tests.unit.simulator.calls import MP3, MP4, WAV

HEADS = {
    "wav": WAV,
    "mp4": MP4,
    "mp3": MP3,
    "mkv": b"\x1a\x45\xdf\xa3\x01\x00\x00\x00",
    "flac": b"fLaC\x00\x00\x00\x22",
    "ogg": b"OggS\x00\x02",
    "amr": b"#!AMR\n",
    "avi": b"RIFF\x00\x00\x00\x00AVI LIST",
    "asf": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "aac": b"\xff\xf1\x50\x80",
}


@pytest.mark.parametrize(("kind", "head"), HEADS.items())
def test_a_kind_is_told_by_its_first_bytes(kind: str, head: bytes) -> None:
    assert kind_of(head) == kind


@pytest.mark.parametrize(
    "head", [b"\xff\xfb\x90\x00", b"\xff\xf3\x40\xc0", b"\xff\xfa\x90\x00", b"\xff\xe3\x18\xc4"]
)
def test_mp3_without_tags_is_told_from_aac(head: bytes) -> None:
    assert kind_of(head) == "mp3"


@pytest.mark.parametrize("head", [b"", b"\xff", b"\x00" * 16, b"RIFF\x00\x00\x00\x00WEBP", b"hello, world"])
def test_anything_else_has_no_known_kind(head: bytes) -> None:
    assert kind_of(head) is None


@pytest.mark.parametrize(
    ("content_type", "file_name", "head"),
    [
        ("audio/wav", "a.wav", WAV),
        ("audio/x-wav", "", WAV),
        ("audio/mp4", "a.m4a", MP4),
        ("video/mp4", "a.mp4", MP4),
        ("audio/mpeg", "a.mp3", MP3),
        ("audio/unheard-of", "a.bin", b"\x00" * 16),
        ("application/octet-stream", "a.MP3", MP3),
        ("binary/octet-stream", "call.2024.flac", b"\x00" * 16),
    ],
)
def test_a_content_type_that_fits_is_taken(content_type: str, file_name: str, head: bytes) -> None:
    assert problem_with(content_type, file_name, head) is None


@pytest.mark.parametrize(
    ("content_type", "file_name", "head", "reason"),
    [
        ("audio/mpeg", "a.m4a", MP4, "does not fit the content of the media file, which is mp4"),
        ("audio/wav", "a.wav", MP3, "which is mp3"),
        ("video/x-matroska", "a.wav", WAV, "which is wav"),
        ("text/plain", "a.wav", WAV, "neither audio nor video"),
        ("application/json", "a.wav", WAV, "neither audio nor video"),
        ("application/octet-stream", "a.txt", WAV, "names no supported media type"),
        ("application/octet-stream", "", WAV, "names no supported media type"),
    ],
)
def test_a_content_type_that_does_not_fit_is_refused(
    content_type: str, file_name: str, head: bytes, reason: str
) -> None:
    assert reason in (problem_with(content_type, file_name, head) or "")
