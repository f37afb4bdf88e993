"""What schemathesis is told of this API beside its document: how lines of JSON are written and read."""

from __future__ import annotations

import json
from typing import Any

import schemathesis

LINES = "application/x-ndjson"


@schemathesis.serializer(LINES)
def write_line(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Write one line; the document's schema is that of each."""
    return json.dumps(value).encode() + b"\n"


@schemathesis.deserializer(LINES)
def read_lines(_: schemathesis.DeserializationContext, response: schemathesis.Response) -> Any:
    """Read the last line: to the one line that is sent there is one answer, or the word that none comes."""
    lines = response.content.splitlines()
    return json.loads(lines[-1]) if lines else None
