"""Cuts a manifest into pieces of whole rows, as the reader reads it.

The reader alone knows where a row of a table ends: quotation marks hold line breaks, and what a mark that is
broken costs is settled by reading on. So one reader reads the manifest in order, through a cutter. Between
two of its rows the cutter takes out all rows whose end is certain without it, and hands it the first line
that is not; the reader then reads that row in full. What was taken out is a piece, for another reader.

A row's end is certain where a line has no quotation mark, where every cell of a row is written as RFC 4180
has it, and in JSON lines. In common manifests those are all rows.

Invariant: the rows of the pieces, and those that the reader reads, are those that it would read by itself.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence

from pipeline.errors import ManifestUnreadable
from pipeline.manifest.lines import MAX_LINE_BYTES
from pipeline.manifest.opening import DAMAGED, Readable, reason_of
from pipeline.manifest.table import Shape
from pipeline.preflight.inspector import Piece, Stretch

PIECE_BYTES = 1 << 17
"""Of some hundred rows, which take a process about a hundredth of a second."""
# What goes on for longer is left to the reader.
_CERTAIN_MAX_LINES = 100
_CERTAIN_MAX_BYTES = 1 << 16


class NotGiven(Exception):
    """A piece could not be given away; as an OSError it would be taken for one of reading the manifest."""


class Cutter:
    """What a manifest's text is read through.

    Attributes:
        bytes_read: How much of it was read.
        lines_ahead: By how much the manifest's line numbers are ahead of the reader's.
    """

    def __init__(
        self, stream: Readable, name: str, give: Callable[[Piece], None], *, piece_bytes: int = PIECE_BYTES
    ) -> None:
        """Read from a stream that is called so in sentences; `give` takes pieces hardly longer than this."""
        self._piece_max_bytes = piece_bytes
        self._stream = stream
        self._name = name
        self._give = give
        self._ahead: deque[bytes] = deque()
        self._certain_row: Callable[[bytes], Sequence[bytes]] | None = None
        self._beginning: list[bytes] = []
        self._is_between_rows = False
        self._is_between_lines = True
        self._lines_handed = 0
        self._stretch: list[bytes] = []
        self._piece: list[Stretch] = []
        self._piece_bytes = 0
        self.bytes_read = 0
        self.lines_ahead = 0

    @property
    def beginning(self) -> bytes:
        """What the reader was handed before rows were taken out."""
        return b"".join(self._beginning)

    @property
    def lines_read(self) -> int:
        """How many lines were read, by the reader or taken out."""
        return self._lines_handed + self.lines_ahead

    def take_out(self, shape: Shape | None, *, fewest_separators: int) -> None:
        """Take rows out from here on.

        Args:
            shape: How the table is written down; None: it is JSON lines.
            fewest_separators: A line with fewer of them makes no call.
        """
        self._certain_row = _json_line if shape is None else self._table_row(shape, fewest_separators)

    def row_was_read(self, line: int) -> bool:
        """Take note of a row that the reader gave out; tells whether the reader holds no line back.

        It has looked ahead, and goes back, until a row is the very last line that it was handed.

        Args:
            line: The row's first line as the reader counts.
        """
        self._is_between_rows = line == self._lines_handed
        return self._is_between_rows

    def readline(self, size: int, /) -> bytes:
        """Read on to the end of the line; between rows, of the first line that is not taken out."""
        if self._certain_row and self._is_between_rows and self._is_between_lines:
            self._take_rows(self._certain_row)
        self._is_between_rows = False
        line = self._read(size)
        self._lines_handed += self._is_between_lines and bool(line)
        self._is_between_lines = line.endswith(b"\n")
        if not self._certain_row:
            self._beginning.append(line)
        return line

    def flush(self) -> None:
        """Give away what was taken out so far."""
        if self._piece:
            piece, self._piece, self._piece_bytes = self._piece, [], 0
            try:
                self._give(piece)
            except OSError as error:
                raise NotGiven from error

    def _take_rows(self, certain_row: Callable[[bytes], Sequence[bytes]]) -> None:
        while line := self._read(MAX_LINE_BYTES):
            lines = certain_row(line)
            if not lines:
                self._ahead.appendleft(line)
                break
            self._stretch += lines
            self._piece_bytes += len(line)
            if self._piece_bytes > self._piece_max_bytes:
                self._end_stretch()
                self.flush()
        self._end_stretch()

    def _end_stretch(self) -> None:
        if self._stretch:
            first_line = self._lines_handed + self.lines_ahead + 1
            self._piece.append(Stretch(first_line, b"".join(self._stretch)))
            self.lines_ahead += len(self._stretch)
            self._stretch = []

    def _table_row(self, shape: Shape, fewest_separators: int) -> Callable[[bytes], Sequence[bytes]]:
        """Return what gives the lines of a table's row whose end is certain, by its first; else nothing."""
        separator = shape.delimiter.encode()
        whole, unfinished = _row_patterns(re.escape(separator))

        def certain_row(line: bytes) -> Sequence[bytes]:
            if b'"' not in line:
                return (line,) if _is_whole(line) else ()
            lines, row = [line], line
            while not whole.fullmatch(row):
                more = (
                    self._read(MAX_LINE_BYTES)
                    if _may_go_on(lines, row) and unfinished.fullmatch(row)
                    else b""
                )
                if not more:
                    self._ahead.extendleft(reversed(lines[1:]))
                    return ()
                lines.append(more)
                row += more
            # A line within a row may turn out to be a row itself, and then a quotation mark was never closed.
            if any(within.count(separator) >= fewest_separators for within in lines[1:-1]):
                self._ahead.extendleft(reversed(lines[1:]))
                return ()
            return lines

        return certain_row

    def _read(self, size: int) -> bytes:
        if self._ahead:
            return self._ahead.popleft()
        try:
            line = self._stream.readline(size)
        except (OSError, *DAMAGED) as error:
            line_number = self._lines_handed + self.lines_ahead + len(self._stretch)
            raise ManifestUnreadable(
                f"{self._name} could not be read beyond line {line_number}: {reason_of(error)}."
            ) from error
        self.bytes_read += len(line)
        return line


def _row_patterns(separator: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what matches a whole row as RFC 4180 has it, and one that ends within quotation marks."""
    within = rb'"[^"]*+(?:""[^"]*+)*+'
    cell = rb'(?:%b"|[^"\r\n%b]*+)' % (within, separator)
    return (
        re.compile(rb"%b(?:%b%b)*+\r?\n?" % (cell, separator, cell)),
        re.compile(rb"(?:%b%b)*+%b" % (cell, separator, within)),
    )


def _may_go_on(lines: Sequence[bytes], row: bytes) -> bool:
    return _is_whole(lines[-1]) and len(lines) < _CERTAIN_MAX_LINES and len(row) < _CERTAIN_MAX_BYTES


def _json_line(line: bytes) -> Sequence[bytes]:
    return (line,) if _is_whole(line) else ()


def _is_whole(line: bytes) -> bool:
    """Tell whether a line was read to its end; one that is too long for a row is not."""
    return len(line) < MAX_LINE_BYTES
