"""The preflight: what a manifest would come to, before anything of it is handed in.

Reads the whole manifest once and finds everything that would keep a row out, with the very reader, check and
probe that bring recordings in; and what the ledger cannot know before: rows that are there twice, files that
are there twice, recordings too short to be kept. On all cores, in memory that does not grow with the rows.

    check          from a manifest to its findings: here it begins
    cutter         cuts the manifest into pieces that can be read each on its own
    inspectors     the processes that the pieces go to
    inspector      what is done in such a process: reads its pieces, keeps what twins are told by
    row            one row and its media looked at        duration   how long a recording is
    named          the users whom recordings name, and how many name each
    twins          the same clientUniqueId or file twice, among any number of rows
    finding        what is found, and how it is counted

Invariants: the findings are those of one process reading from the first row to the last, however many there
are. Nothing is sent and nothing is written but a temporary folder. When a batch would be done is left to
`forecast`, which users Gong has to `people`, how it is shown to the command.
"""

from pipeline.preflight.check import Check, Corrected, Sink, check_manifest
from pipeline.preflight.finding import CORRECTED, WARNINGS, Finding, Inspected, LineSet, Totals
from pipeline.preflight.named import USERS_COUNTED, NamedUsers

__all__ = [
    "CORRECTED",
    "USERS_COUNTED",
    "WARNINGS",
    "Check",
    "Corrected",
    "Finding",
    "Inspected",
    "LineSet",
    "NamedUsers",
    "Sink",
    "Totals",
    "check_manifest",
]
