"""How a rejected row is written: its line and the reason, and then its own bytes as they stand.

Invariants: what is written is one line more than the row has line breaks of its own, so that line and reason
stand in the row's first line. A reason begins with nothing that a spreadsheet takes for a formula.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Sequence

from pipeline.call import decode_call
from pipeline.errors import CallInvalid
from pipeline.manifest.rejected.before import LINE, MEMBER, REASON, taken_off, without_member
from pipeline.manifest.row import MAX_ROW_BYTES, RejectedRow
from pipeline.manifest.table import Shape

_REASON_MAX_CHARACTERS = 2000
# A row too long to be read is cut off; in a table it stays too long: what is left must not be taken for it.
_CUT_OFF_BYTES = MAX_ROW_BYTES - 2 * _REASON_MAX_CHARACTERS
_SHOWN_OF_CUT_OFF = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_FORMULA = ("=", "+", "-", "@")


class TableForm:
    """Rows of a table.

    Args:
        shape: How the manifest is written down.
        header: The bytes of its header; empty where it has none.

    Attributes:
        head: What the file begins with. Spreadsheets know UTF-8 by its mark.
    """

    def __init__(self, shape: Shape, header: bytes) -> None:
        self._separator = shape.delimiter
        self.ending = ".tsv" if shape.delimiter == "\t" else ".csv"
        own = header or self._cells(shape.columns)
        self.head = codecs.BOM_UTF8 + self._line([LINE, REASON], own)

    def line_of(self, row: RejectedRow) -> bytes:
        """Return what is written of a row."""
        original = row.original
        if len(original) > _CUT_OFF_BYTES:
            original = original.ljust(MAX_ROW_BYTES)
        return self._line([str(row.line), _reason_of(row)], original)

    def without_reason(self, line: bytes) -> tuple[int | None, bytes]:
        """Return what stands in a line beside the reason."""
        return taken_off(line, self._separator)

    def _line(self, cells: Sequence[str], own: bytes) -> bytes:
        return b"%b%b%b\r\n" % (self._cells(cells), self._separator.encode(), own)

    def _cells(self, cells: Sequence[str]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._separator, lineterminator="").writerow(cells)
        return text.getvalue().encode("utf-8", "backslashreplace")


class LinesForm:
    """Rows of JSON lines.

    Args:
        is_marked: Whether a byte order mark says that it is UTF-8, because the manifest was not; programs
            that read JSON want none (RFC 8259).
    """

    ending = ".jsonl"
    without_reason = staticmethod(without_member)

    def __init__(self, *, is_marked: bool) -> None:
        self.head = codecs.BOM_UTF8 if is_marked else b""

    def line_of(self, row: RejectedRow) -> bytes:
        """Return what is written of a row: in front of its object, or around a line that is none."""
        told: dict[str, str | int] = {"line": row.line, "reason": _reason_of(row)}
        original = row.original
        members = _members(original)
        if members is None or MEMBER in members or b"\n" in original:
            is_cut_off = len(original) > _CUT_OFF_BYTES
            told["row"] = f"{row.raw[:_SHOWN_OF_CUT_OFF]}…" if is_cut_off else row.raw
            return b"{%b}\n" % _member(told)
        rest = original.lstrip()[1:].lstrip()
        return b"{%b%b%b\n" % (_member(told), b", " if members else b"", rest)


def _member(told: dict[str, str | int]) -> bytes:
    # Half of a surrogate pair has no form in UTF-8, but one in JSON: the very one that Python writes.
    text = f'"{MEMBER}": {json.dumps(told, ensure_ascii=False)}'
    return text.encode("utf-8", "backslashreplace")


def _members(original: bytes) -> dict[str, object] | None:
    try:
        return decode_call(original) if len(original) <= _CUT_OFF_BYTES else None
    except CallInvalid:
        return None


def _reason_of(row: RejectedRow) -> str:
    reason = _CONTROL.sub(" ", row.reason)
    if len(reason) > _REASON_MAX_CHARACTERS:
        reason = f"{reason[:_REASON_MAX_CHARACTERS]}…"
    return f"'{reason}" if reason.startswith(_FORMULA) else reason
