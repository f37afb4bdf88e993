"""Manifests: files that list recordings, each with its call and its media.

A manifest is JSON lines (`{"call": {…}, "media": "path"}`), or CSV with a column for each field
(`clientUniqueId`, `parties.0.userId`, `media`). `call` is the body of `POST /v2/calls` (add-new-call.txt),
`media` a path below the media root; a call with a downloadMediaUrl has no media. With a map it is whatever
another system exports, its columns mapped to these fields (`mapping`). What was rejected stands in a file
of its own, which is a manifest again (`rejected`).

Invariants: read as a stream, in constant memory; a bad row is handed out as a RejectedRow and stops no other.
Where media lies and whether it is audio is left to the check that the caller passes.
"""

from pipeline.manifest.mapping import ColumnMap, read_map
from pipeline.manifest.reader import Form, Manifest, Reading, check_row, read_manifest
from pipeline.manifest.row import RejectedRow, Row, UncheckedRow, digest_of, hash_of

__all__ = [
    "ColumnMap",
    "Form",
    "Manifest",
    "Reading",
    "RejectedRow",
    "Row",
    "UncheckedRow",
    "check_row",
    "digest_of",
    "hash_of",
    "read_manifest",
    "read_map",
]
