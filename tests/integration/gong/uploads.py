"""What tests of uploads begin with: media out of memory, and a server that takes it."""

from __future__ import annotations

import io
from typing import Any

from pipeline.gong import Answer, GongClient
from tests.integration.gong.servers import always

CREATED = always(201, {"callId": "42"})


class Stream:
    """Media out of memory."""

    def __init__(self, content: bytes, *, size_bytes: int | None = None) -> None:
        self.size_bytes = len(content) if size_bytes is None else size_bytes
        self._content = io.BytesIO(content)

    def read(self, size: int, /) -> bytes:
        return self._content.read(size)


def upload(client: GongClient, stream: Stream, **overrides: Any) -> Answer:
    options: dict[str, Any] = {"file_name": "call.mp3", "content_type": "audio/mpeg"}
    return client.upload_media("42", stream, **(options | overrides))
