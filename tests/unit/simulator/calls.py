"""Builders of what the tests of the simulator send."""

from __future__ import annotations

import json
from typing import Any

# Sixteen bytes, as many as decide about the kind of a file.
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
MP4 = b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00"
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00TSSE\x00\x00"
BOUNDARY = "7d5f0c2a"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def make_call(**overrides: Any) -> dict[str, Any]:
    """Make the body of a new call that breaks no rule; an override of None leaves a field out."""
    call = {
        "clientUniqueId": "123abc",
        "actualStart": "2018-02-17T02:30:00-08:00",
        "direction": "Inbound",
        "primaryUser": "234599484848423",
        "parties": [{"userId": "234599484848423"}, {"phoneNumber": "+1 123-567-8989"}],
    } | overrides
    return {name: value for name, value in call.items() if value is not None}


def make_body(**overrides: Any) -> bytes:
    """Make the same as JSON."""
    return json.dumps(make_call(**overrides)).encode()


def make_form(
    content: bytes = WAV,
    *,
    name: str = "mediaFile",
    file_name: str | None = "call.wav",
    content_type: str = "audio/wav",
) -> bytes:
    """Make the body of an upload; its boundary is `BOUNDARY`."""
    file = "" if file_name is None else f'; filename="{file_name}"'
    head = (
        f"--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{name}"{file}\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
