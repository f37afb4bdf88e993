"""Rejected rows in a file, in their original form, each with its reason; mended, it is a manifest again.

    calls.csv              calls.rejected.csv
    id,start,media         rejected_line,rejected_reason,id,start,media
    7,yesterday,7.wav      17,"start: is no time",7,yesterday,7.wav

In a table two columns stand before those of the manifest, in JSON lines one member before those of the
object: `{"rejected": {"line": 17, "reason": "…"}, "call": {…}}`. A line that is no object stands within that
member, as `row`.

    form      how a row is written, in front of its own bytes     file      the file, replaced as a whole
    before    how such rows are recognized, and read again

Invariants: whatever is written is read again as the row that it was, with the line that it had; its own bytes
are changed by nobody. The file is UTF-8 whatever the manifest was, and says so where the manifest was not.
"""
