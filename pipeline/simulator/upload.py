"""PUT /v2/calls/{id}/media: the file is counted and hashed while it streams in, and its bytes are not kept.

Refuses as early as it can: by the headers, by the first bytes of the file, or when the file has grown too
large.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from pipeline.simulator import answers, media
from pipeline.simulator.answers import Answer, Refused
from pipeline.simulator.multipart import (
    MAX_PART_HEADERS_BYTES,
    Event,
    MultipartInvalid,
    MultipartParser,
    PartEnd,
    PartStart,
    boundary_of,
)
from pipeline.simulator.operations import Request
from pipeline.simulator.state import Company, Media

# What may surround the file in the body; a longer body is too large whatever is in it.
MAX_FRAME_BYTES = MAX_PART_HEADERS_BYTES + 1024


class UploadMedia:
    """One upload. The clock gives the seconds since the start, for the record."""

    def __init__(self, company: Company, call_id: str, request: Request, clock: Callable[[], float]) -> None:
        self._parser = MultipartParser(_boundary(request))
        if request.content_length > media.MAX_MEDIA_BYTES + MAX_FRAME_BYTES:
            raise Refused(answers.media_too_large(media.MAX_MEDIA_BYTES))
        refusal = company.refuse_media(call_id)
        if refusal is not None:
            raise Refused(refusal)
        self._company = company
        self._call_id = call_id
        self._clock = clock
        self._parts = 0
        self._file_name = ""
        self._content_type = ""
        self._head = b""
        self._size_bytes = 0
        self._sha256 = hashlib.sha256()

    def take(self, chunk: bytes) -> None:
        """Count and hash the next bytes."""
        try:
            for event in self._parser.feed(chunk):
                self._take_event(event)
        except MultipartInvalid as error:
            raise Refused(answers.failed(400, str(error))) from error

    def finish(self) -> Answer:
        """Give the media to its call."""
        try:
            self._parser.close()
        except MultipartInvalid as error:
            return answers.failed(400, str(error))
        if self._parts == 0:
            return answers.failed(400, "The body must have a part named mediaFile")
        uploaded = Media(
            size_bytes=self._size_bytes,
            sha256=self._sha256.hexdigest(),
            file_name=self._file_name,
            content_type=self._content_type,
            uploaded_s=self._clock(),
        )
        return self._company.add_media(self._call_id, uploaded)

    def _take_event(self, event: Event) -> None:
        match event:
            case PartStart():
                self._start_part(event)
            case PartEnd():
                self._end_part()
            case bytes():
                self._take_content(event)

    def _start_part(self, part: PartStart) -> None:
        if self._parts > 0 or part.name != "mediaFile" or part.file_name is None:
            raise Refused(answers.failed(400, "The body must have exactly one part, a file named mediaFile"))
        self._parts += 1
        self._file_name, self._content_type = part.file_name, part.content_type

    def _take_content(self, content: bytes) -> None:
        self._size_bytes += len(content)
        if self._size_bytes > media.MAX_MEDIA_BYTES:
            raise Refused(answers.media_too_large(media.MAX_MEDIA_BYTES))
        self._sha256.update(content)
        missing = media.HEAD_BYTES - len(self._head)
        if missing > 0:
            self._head += content[:missing]
            if len(self._head) == media.HEAD_BYTES:
                self._check_content_type()

    def _end_part(self) -> None:
        if self._size_bytes == 0:
            raise Refused(answers.failed(400, "The media file is empty"))
        if self._size_bytes < media.HEAD_BYTES:
            self._check_content_type()

    def _check_content_type(self) -> None:
        problem = media.problem_with(self._content_type, self._file_name, self._head)
        if problem is not None:
            raise Refused(answers.failed(400, problem))


def _boundary(request: Request) -> bytes:
    if request.content_type != "multipart/form-data":
        text = f"The Content-Type must be multipart/form-data, not {request.content_type}"
        raise Refused(answers.failed(415, text))
    try:
        return boundary_of(request.headers["content-type"])
    except MultipartInvalid as error:
        raise Refused(answers.failed(400, str(error))) from error
