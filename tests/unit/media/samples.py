"""The smallest files of each kind, built byte by byte."""

from __future__ import annotations

import struct


def mpeg_frame(head: str, length: int) -> bytes:
    """Build one frame of MPEG audio or ADTS: its header in hexadecimal, and zeros."""
    header = bytes.fromhex(head)
    return header + bytes(length - len(header))


# MPEG 1 layer III, 128 kbit/s, 44,100 Hz: 144 * 128000 // 44100 = 417 bytes.
MP3_FRAME = mpeg_frame("fffb9000", 417)
# MPEG 2.5 layer III, 16 kbit/s, 8,000 Hz, as telephone systems record: 72 * 16000 // 8000 = 144 bytes.
MP3_TELEPHONE_FRAME = mpeg_frame("ffe32800", 144)
# MPEG 2 layer III, 64 kbit/s, 22,050 Hz, padded: 72 * 64000 // 22050 + 1 = 209 bytes.
MP3_MPEG2_FRAME = mpeg_frame("fff38200", 209)
# MPEG 1 layer II, 192 kbit/s, 48,000 Hz: 144 * 192000 // 48000 = 576 bytes.
MP2_FRAME = mpeg_frame("fffda400", 576)
# MPEG 1 layer I, 384 kbit/s, 32,000 Hz: 12 * 384000 // 32000 * 4 = 576 bytes.
MP1_FRAME = mpeg_frame("ffffc800", 576)
# ADTS: MPEG 4, low complexity, 44,100 Hz, length 371 in bits 30 to 42.
ADTS_FRAME = mpeg_frame("fff150802e7ffc", 371)


def id3(size: int) -> bytes:
    """Build an ID3v2.4 tag with so many bytes of content."""
    return b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)


def wav(size: int = 1000) -> bytes:
    data = bytes(range(256)) * (size // 256 + 1)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data[:size]
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def box(name: bytes, content: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, name, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), name) + content


def track(handler: bytes) -> bytes:
    described = box(b"hdlr", bytes(8) + handler + bytes(13))
    return box(b"trak", box(b"tkhd", bytes(84)) + box(b"mdia", box(b"mdhd", bytes(24)) + described))


def mp4(*handlers: bytes, brand: bytes = b"isom", index_last: bool = False, wide: bool = False) -> bytes:
    start = box(b"ftyp", brand + bytes(4) + b"isom")
    index = box(b"moov", box(b"mvhd", bytes(100)) + b"".join(map(track, handlers)))
    media = box(b"mdat", bytes(5000), wide=wide)
    return start + (media + index if index_last else index + media)


def ebml(document: bytes) -> bytes:
    fields = b"\x42\x86\x81\x01\x42\xf7\x81\x01\x42\x82" + bytes([0x80 | len(document)]) + document
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(fields)]) + fields + b"\x18\x53\x80\x67" + bytes(100)


def ogg(codec: bytes) -> bytes:
    return b"OggS\0\x02" + bytes(20) + b"\x01" + bytes([len(codec)]) + codec + bytes(50)


ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_AUDIO = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
