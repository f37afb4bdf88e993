"""What is found in a manifest, and how it is counted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from heapq import merge
from operator import itemgetter
from typing import NamedTuple

from pipeline.people import Named, Standing
from pipeline.preflight.named import NamedUsers

CORRECTED = "row_corrected"
WARNINGS = frozenset(
    {
        "media_not_linked",
        "media_short",
        "media_twice",
        "media_unavailable",
        CORRECTED,
        "row_twice",
        "url_twice",
        *Standing,
    }
)
"""Codes of what is worth knowing but keeps no row out; every other code does.

A row with the file of an earlier one is handed in as any other, and needs its requests: it is the API that
refuses its content, and then only if the earlier call has it.
"""


class Finding(NamedTuple):
    """One thing that is wrong with one row.

    Attributes:
        line: The row's first physical line in the manifest, counted from 1; 0 for the manifest as a whole.
        client_unique_id: The call's, where one could be read and can be printed.
        code: As that of a rejected row or of refused media, or `media_short`, `media_unavailable`,
            `media_not_linked`, `row_corrected`, `id_twice`, `row_twice`, `media_twice`, `url_twice`; or
            the `Standing` of a user.
        field: In the manifest's own words; empty for the row as a whole.
        message: Goes on from the field, or is a sentence where there is none or the field is `media`.
        first_line: Where the other one of a pair stands, which comes first.
    """

    line: int
    client_unique_id: str | None
    code: str
    field: str
    message: str
    first_line: int | None = None

    @property
    def is_warning(self) -> bool:
        """Tell whether the row is brought in all the same."""
        return self.code in WARNINGS

    @property
    def sentence(self) -> str:
        """What is wrong, with the field unless the message names it."""
        return self.message if self.field in {"", "media"} else f"{self.field}: {self.message}"


@dataclass(slots=True)
class Inspected:
    """What was found in some rows.

    Attributes:
        rows: How many there are, those that a map leaves out not among them.
        rejected: Those of them that would be.
        left_out: Rows that the map leaves out.
        findings: In the order of their lines.
        uploads: Lines and job ids of the rows that are right and have media; two requests each (API.md).
        linkable: The same of those whose media is uploaded too, but Gong could pull it, were it asked to.
        links: The same of those whose media Gong pulls; one request each.
        refused: The same of rejected rows in which nothing is wrong but their media.
        digests: Those of rejected rows, by their lines.
        named: Lines of the rows that are right, by the users whom they name.
    """

    rows: int = 0
    rejected: int = 0
    left_out: int = 0
    findings: list[Finding] = field(default_factory=list)
    uploads: list[tuple[int, str]] = field(default_factory=list)
    linkable: list[tuple[int, str]] = field(default_factory=list)
    links: list[tuple[int, str]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)
    named: dict[frozenset[Named], list[int]] = field(default_factory=dict)

    def add(self, other: Inspected) -> None:
        """Take what was found in other rows of the same stretch in."""
        self.rows += other.rows
        self.rejected += other.rejected
        self.left_out += other.left_out
        self.findings = list(merge(self.findings, other.findings, key=itemgetter(0)))
        self.uploads += other.uploads
        self.linkable += other.linkable
        self.links += other.links
        self.refused += other.refused
        self.digests |= other.digests
        for users, lines in other.named.items():
            self.named.setdefault(users, []).extend(lines)

    def take_back(self, lines: Collection[int]) -> None:
        """Take rejected rows with all that was said of them back."""
        self.findings = [finding for finding in self.findings if finding.line not in lines]
        self.digests = {line: digest for line, digest in self.digests.items() if line not in lines}
        self.rejected -= len(lines)


@dataclass(slots=True)
class Totals:
    """What a whole manifest comes to.

    Attributes:
        rows: How many rows there are.
        rejected: Rows that would be rejected.
        repeated: Rows that say what an earlier one says already, and are brought in with it.
        known: Rows that the ledger has already.
        left_out: Rows that the map leaves out.
        uploads: New recordings whose media is uploaded.
        links: New recordings whose media Gong pulls.
        linkable: Those of the uploads whose media Gong could pull, were it asked to.
        lines: How many lines were read.
        named: The users whom the recordings name that are to come: those of rows that are right, each as it
            stands, unless the recording is in already or was taken back.
    """

    rows: int = 0
    rejected: int = 0
    repeated: int = 0
    known: int = 0
    left_out: int = 0
    uploads: int = 0
    links: int = 0
    linkable: int = 0
    lines: int = 0
    named: NamedUsers = field(default_factory=NamedUsers, compare=False)


class LineSet:
    """A set of line numbers, in a bit for each line up to the greatest."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, line: int) -> bool:
        place = line >> 3
        return place < len(self._bits) and bool(self._bits[place] & 1 << (line & 7))

    def add(self, line: int) -> bool:
        """Put a line in; tells whether it was not there."""
        place, bit = line >> 3, 1 << (line & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits) + (len(self._bits) >> 3)))
        was_there = self._bits[place] & bit
        self._bits[place] |= bit
        self._count += not was_there
        return not was_there
