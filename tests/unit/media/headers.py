"""Headers of recordings that ffmpeg does not write, built byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.unit.media.samples import box

NO_END = 0xFFFF_FFFF_FFFF_FFFF


def page(serial: int, packet: bytes, *, position: int = 0, begins: bool = False) -> bytes:
    """A page of Ogg with one packet of less than 255 bytes."""
    head = struct.pack("<4sBBQIIIB", b"OggS", 0, 2 if begins else 0, position, serial, 0, 0, 1)
    return head + bytes([len(packet)]) + packet


def opus_head(skipped: int) -> bytes:
    return b"OpusHead\x01\x01" + struct.pack("<HIhB", skipped, 48_000, 0, 0)


def element(name: str, content: bytes, *, is_open: bool = False) -> bytes:
    """An element of Matroska, its id in hexadecimal; of a length that is not told if it is open."""
    length = b"\x01" + (b"\xff" * 7 if is_open else len(content).to_bytes(7))
    return bytes.fromhex(name) + length + content


def matroska(*parts: bytes, document: bytes = b"webm", is_open: bool = False) -> bytes:
    return element("1a45dfa3", element("4282", document)) + element(
        "18538067", b"".join(parts), is_open=is_open
    )


def information(duration: float, scale_ns: int) -> bytes:
    return element(
        "1549a966", element("2ad7b1", scale_ns.to_bytes(4)) + element("4489", struct.pack(">d", duration))
    )


def tracks(*types: int) -> bytes:
    """Tracks of these types, behind a checksum that looks like a type."""
    checksum = element("bf", element("83", b"\x01"))
    return element(
        "1654ae6b", checksum + b"".join(element("ae", element("83", bytes([each]))) for each in types)
    )


def movie(*, of_extension: int | None) -> bytes:
    """The index of an MP4 in fragments: a track of 1000 units a second, with a duration for all samples."""
    scale = box(b"mdhd", bytes(12) + struct.pack(">I", 1000) + bytes(8))
    track = box(b"trak", box(b"tkhd", bytes(12) + struct.pack(">I", 1) + bytes(68)) + box(b"mdia", scale))
    extension = (
        box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, of_extension, 0, 0)))
        if of_extension
        else b""
    )
    start = box(b"ftyp", b"isom" + bytes(4))
    return start + box(b"moov", box(b"mvhd", bytes(100)) + track + extension)


def fragment(*, begins: int, count: int, of_header: int | None = None, wide: bool = False) -> bytes:
    """A fragment of so many samples, for all of which the header may tell a duration."""
    flags = 0x3 | (0x8 if of_header else 0)
    header = struct.pack(">IIQI", flags, 1, 0, 1) + (struct.pack(">I", of_header) if of_header else b"")
    time = struct.pack(">IQ" if wide else ">II", 0x0100_0000 if wide else 0, begins)
    run = struct.pack(">II", 0, count)
    return box(b"moof", box(b"traf", box(b"tfhd", header) + box(b"tfdt", time) + box(b"trun", run)))


def run_with_durations(begins: int, durations: Sequence[int]) -> bytes:
    """A fragment whose run has an offset, first flags, and for each sample a duration and a size."""
    header = struct.pack(">II", 0, 1)
    each = b"".join(struct.pack(">II", duration, 100) for duration in durations)
    run = struct.pack(">IIII", 0x305, len(durations), 0, 0) + each
    time = struct.pack(">II", 0, begins)
    return box(b"moof", box(b"traf", box(b"tfhd", header) + box(b"tfdt", time) + box(b"trun", run)))


def index(durations: Sequence[int], *, of_indexes: Sequence[int] = (), wide: bool = False) -> bytes:
    """An index of fragments, at 1000 units a second, and of other indexes."""
    times = bytes(16 if wide else 8)
    entries = [(100, each) for each in durations] + [(0x8000_0000 | 100, each) for each in of_indexes]
    told = b"".join(struct.pack(">III", size, duration, 0) for size, duration in entries)
    version = 0x0100_0000 if wide else 0
    return box(
        b"sidx", struct.pack(">III", version, 1, 1000) + times + struct.pack(">HH", 0, len(entries)) + told
    )


def avi(frame_us: int, count: int, *, in_all: int | None = None) -> bytes:
    main = struct.pack("<IIIII", frame_us, 0, 0, 0, count) + bytes(36)
    whole = b"LIST\x10\0\0\0odmldmlh\x04\0\0\0" + struct.pack("<I", in_all) if in_all else b""
    headers = b"hdrlavih\x38\0\0\0" + main + whole
    return b"RIFF\0\0\0\0AVI LIST" + struct.pack("<I", len(headers)) + headers + bytes(500)


def au(sound_bytes: int, *, told_bytes: int, encoding: int) -> bytes:
    return b".snd" + struct.pack(">IIIII", 28, told_bytes, encoding, 8_000, 1) + bytes(4 + sound_bytes)
