"""From a manifest to its findings, in one process or several.

Invariants: findings come in the order of their lines, in stretches, and those of twins after all others, in
bundles: those of the same hash in the order of their lines. No more than a bundle is held of them. The totals
are right when `check_manifest` returns.
"""

from __future__ import annotations

import pickle
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Protocol

from pipeline.job import State
from pipeline.manifest import Reading, digest_of
from pipeline.manifest.opening import name_of, opened
from pipeline.manifest.reader import encoding_of, rows_of, without_rows
from pipeline.media import Access, MayLink
from pipeline.preflight.cutter import Cutter, NotGiven
from pipeline.preflight.finding import CORRECTED, Finding, Inspected, LineSet, Totals
from pipeline.preflight.inspector import Inspector, Piece, Task
from pipeline.preflight.inspectors import Inspectors
from pipeline.preflight.row import RowCheck
from pipeline.preflight.told import finding_of
from pipeline.preflight.twins import PARTS, Sort, Twin, twins_in

# Fewer bytes are read before processes have started.
_SHARED_MIN_BYTES = 1 << 20
# Rows that are read here are told after so many.
_ROWS_TOLD = 500
# Cells of a row that makes a call are at least those of the columns that every header has (header.py); with a
# map they may be any.
_FEWEST_SEPARATORS, _FEWEST_SEPARATORS_MAPPED = 5, 1
# Nothing of such a job hangs on anybody any more.
_ENDED = {State.DONE, State.CANCELLED}

States = Callable[[Sequence[str]], Sequence[State | None]]
"""Tells of jobs, by their ids, how they stand; None of those that the ledger does not have."""

Corrected = Callable[[Sequence[str]], Sequence[int]]
"""Tells of rows that would be rejected, by their digests, how many that stand so were corrected elsewhere."""


class Sink(Protocol):
    """What takes what is found, as it is found."""

    def take(self, findings: Sequence[Finding], totals: Totals, bytes_read: int, /) -> None:
        """Take the findings of some rows, the totals so far, and how much of the manifest was read."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is to be checked, and how.

    Attributes:
        path: The manifest, or `-` for standard input.
        access: What media may be read; None: it is not looked at.
        processes: How many look at rows, beside the one that reads; 1: that one does everything.
        states: None: nothing is known of jobs.
        corrected: None: nothing is known of rows.
        links: Whether Gong pulls the media from where that can be.
        can_link: Tells of media whether it can; None: wherever it may be read.
    """

    path: Path
    reading: Reading
    access: Access | None = None
    processes: int = 1
    states: States | None = None
    corrected: Corrected | None = None
    links: bool = False
    can_link: MayLink | None = None


def check_manifest(check: Check, sink: Sink) -> Totals:
    """Check a whole manifest, tell everything that is found, and return what it comes to.

    Raises:
        ManifestUnreadable: As `read_manifest`; what was found before is told.
        WorkersFailed: A process ended before its work.
        OSError: The sink could not take it, or there is no place for temporary files.
    """
    # A map that is not bound to a manifest, so that other processes can bind it for themselves.
    check = replace(check, reading=_unbound(check.reading))
    reading = pickle.dumps(check.reading)
    encoding = encoding_of(check.path, check.reading)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gong-ingest-check-")))
        stream = stack.enter_context(opened(check.reading.content or check.path, encoding))
        run = _Run(check, sink, reading, folder, stack)
        stack.callback(run.inspector.close)
        try:
            run.read(Cutter(stream, name_of(check.path), run.give))
        except NotGiven as not_given:
            raise not_given.__cause__ or not_given from None
        if not run.totals.rows:
            raise without_rows(check.path, check.reading)
        run.find_twins()
        return run.totals


def _unbound(reading: Reading) -> Reading:
    return replace(reading, column_map=replace(reading.column_map)) if reading.column_map else reading


@dataclass(slots=True)
class _Run:
    """One run of the check.

    Attributes:
        read_here: What the rows read here came to, for each piece that was given since.
        known: Lines of rows that the ledger has.
        done: Those of them that only their media would keep out, which is in.
        corrected: Lines of rows that were corrected elsewhere.
        taken_back: How many of them stand so, by their digests.
    """

    check: Check
    sink: Sink
    reading: bytes
    folder: Path
    stack: ExitStack
    totals: Totals = field(default_factory=Totals)
    read_here: deque[Inspected] = field(default_factory=deque)
    known: LineSet = field(default_factory=LineSet)
    done: LineSet = field(default_factory=LineSet)
    corrected: LineSet = field(default_factory=LineSet)
    taken_back: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    inspector: Inspector = field(init=False)
    cutter: Cutter = field(init=False)
    others: Inspectors | None = None

    def __post_init__(self) -> None:
        check = self.check
        row_check = RowCheck(check.access, links=check.links, can_link=check.can_link)
        self.inspector = Inspector(row_check, self.folder, 0)

    def read(self, cutter: Cutter) -> None:
        """Read the manifest to its end."""
        self.cutter = cutter
        rows = rows_of(cutter, self.check.path, self.check.reading)
        is_to_be_shared = self._is_to_be_shared()
        for number, row in enumerate(rows.unchecked, 1):
            self.inspector.take(row, row.here + cutter.lines_ahead)
            if cutter.row_was_read(row.here) and is_to_be_shared:
                fewest = _FEWEST_SEPARATORS_MAPPED if self.check.reading.column_map else _FEWEST_SEPARATORS
                cutter.take_out(rows.shape, fewest_separators=fewest)
                is_to_be_shared = False
            if number % _ROWS_TOLD == 0:
                self._tell_what_was_read_here()
        self._tell_what_was_read_here()
        if self.others:
            self.others.finish()
        self.inspector.close()
        self.totals.lines = cutter.lines_read

    def give(self, piece: Piece) -> None:
        """Have a piece inspected, and what was read here told with it."""
        if self.others is None:
            check = self.check
            beginning = self.cutter.beginning
            task = Task(
                check.path, self.reading, beginning, check.access, check.links, check.can_link, self.folder
            )
            self.others = self.stack.enter_context(Inspectors(self._told))
            self.others.start(self.check.processes, task)
        self.read_here.append(self._handed_over())
        self.others.inspect(piece)

    def find_twins(self) -> None:
        """Tell the twins of all rows."""
        for twins in self.others.twins() if self.others else self._twins_of_all_parts():
            others = [each for each in twins if each.sort is Sort.ID and not each.is_same]
            right = self._corrected([(each.line, digest_of(each.beside)) for each in others if each.accepted])
            found = [*map(_of_corrected, right), *self._findings(twins)]
            self.sink.take(found, self.totals, self.cutter.bytes_read)

    def _twins_of_all_parts(self) -> Iterator[Sequence[Twin]]:
        for part in range(PARTS):
            yield from twins_in(self.folder, part)

    def _is_to_be_shared(self) -> bool:
        path = self.check.reading.content or self.check.path
        is_small = path.is_file() and path.stat().st_size < _SHARED_MIN_BYTES
        return self.check.processes > 1 and not is_small

    def _tell_what_was_read_here(self) -> None:
        self.cutter.flush()
        if self.others:
            self.give(())
        else:
            self._count(self._handed_over())

    def _handed_over(self) -> Inspected:
        column_map = self.check.reading.column_map
        before, self.left_out = self.left_out, column_map.left_out if column_map else 0
        return self.inspector.hand_over(self.left_out - before)

    def _told(self, found: Inspected) -> None:
        found.add(self.read_here.popleft())
        self._count(found)

    def _count(self, found: Inspected) -> None:
        self._take_back_what_is_done(found)
        self._take_back_what_was_corrected(found)
        totals = self.totals
        totals.rows += found.rows
        totals.rejected += found.rejected
        totals.left_out += found.left_out
        ended: set[int] = set()
        linkable = self._count_new(found.linkable, ended)
        totals.linkable += linkable
        totals.uploads += linkable + self._count_new(found.uploads, ended)
        totals.links += self._count_new(found.links, ended)
        totals.named.add(found.named, ended)
        self.sink.take(found.findings, totals, self.cutter.bytes_read)

    def _count_new(self, jobs: Sequence[tuple[int, str]], ended: set[int]) -> int:
        """Count the jobs that the ledger does not have, and add the lines of those that need nothing more."""
        new = 0
        for line, state in self._states_of(jobs):
            if state is None:
                new += 1
            else:
                self._count_known(line)
                if state in _ENDED:
                    ended.add(line)
        return new

    def _take_back_what_is_done(self, found: Inspected) -> None:
        """Let rows be whose recordings are in: their media need not be there any more."""
        done = {line for line, state in self._states_of(found.refused) if state is State.DONE}
        if done:
            found.take_back(done)
            for line in done:
                self.done.add(line)
                self._count_known(line)

    def _take_back_what_was_corrected(self, found: Inspected) -> None:
        corrected = self._corrected(list(found.digests.items()))
        if corrected:
            found.take_back(corrected)
            found.findings = list(merge(found.findings, map(_of_corrected, corrected), key=itemgetter(0)))
            for line in corrected:
                self._count_known(line)

    def _corrected(self, rows: Sequence[tuple[int, str]]) -> list[int]:
        """Tell by line and digest which rows were corrected elsewhere, so that their jobs are there."""
        if not (self.check.corrected and rows):
            return []
        lines = []
        counts = self.check.corrected([digest for _, digest in rows])
        for (line, digest), count in zip(rows, counts, strict=True):
            # of rows that stand alike no more than were corrected
            if self.taken_back[digest] < count:
                self.taken_back[digest] += 1
                self.corrected.add(line)
                lines.append(line)
        return lines

    def _states_of(self, jobs: Sequence[tuple[int, str]]) -> Iterator[tuple[int, State | None]]:
        """Tell how the jobs of some lines stand."""
        lines, job_ids = [line for line, _ in jobs], [job_id for _, job_id in jobs]
        states = self.check.states(job_ids) if self.check.states and jobs else [None] * len(jobs)
        return zip(lines, states, strict=True)

    def _count_known(self, line: int) -> None:
        self.known.add(line)
        self.totals.known += 1

    def _findings(self, twins: Iterable[Twin]) -> Iterator[Finding]:
        for twin in twins:
            if twin.line in self.corrected:
                continue
            # Of rows with the same id their ids are told, not what they have in common as well.
            if twin.sort is Sort.ID or not twin.is_same:
                finding = finding_of(twin)
                if twin.sort is Sort.ID and (twin.accepted or twin.line in self.done):
                    self._count_twin(twin, finding)
                yield finding

    def _count_twin(self, twin: Twin, finding: Finding) -> None:
        """Count a row as what the first one of its id makes of it, and no longer as what it was."""
        totals = self.totals
        if finding.is_warning:
            totals.repeated += 1
        else:
            totals.rejected += 1
        if twin.line in self.known:
            totals.known -= 1
        elif twin.has_media:
            totals.uploads -= 1
            totals.linkable -= twin.may_link
        else:
            totals.links -= 1


def _of_corrected(line: int) -> Finding:
    return Finding(line, None, CORRECTED, "", "The row was corrected elsewhere, and its recording is there.")
