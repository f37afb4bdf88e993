"""How a scene looks on a terminal of any size.

Invariants: no line is wider than the terminal and there are no more of them than it has; what is too long is
cut with an ellipsis, and a row of facts goes on in the next line instead. A section a subject: batches, then
what all of them share, then uploads that take their time, then dead letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from pipeline.cli.sentences import day_sentence, outlook, rate_sentence, upload_lines, webhook_sentence
from pipeline.cli.watch.scene import Scene, counted, dead_letter_lines, share, states
from pipeline.job import Counts
from pipeline.overview import Overview
from pipeline.printable import printable

INDENT = "  "
# A name may have up to a hundred characters; this many tell most of them apart.
NAME_CELLS = 24
BAR_CELLS_MIN, BAR_CELLS_MAX = 6, 60
ELLIPSIS = "…"
NOTE_LINES_MAX = 4


def screen(scene: Scene, console: Console) -> list[Text]:
    """Give the lines of a scene for a terminal as large as the console's is now."""
    width, height = console.width, max(1, console.height - 1)
    return [_cut(line, width) for line in _lines(scene, console, height)[:height]]


def _lines(scene: Scene, console: Console, height: int) -> list[Text]:
    overview, note = scene.overview, _note_lines(scene, console)
    if overview is None:
        return note or [Text("starting")]
    below = [*_shared_lines(overview, console.width), *note]
    most = max(1, height // 6)
    singles = [*_upload_lines(overview, most=most), *_letter_lines(overview, most=most)]
    room = height - len(below) - len(singles)
    return [*_batch_lines(scene, overview, console, room), *below, *singles]


def _note_lines(scene: Scene, console: Console) -> list[Text]:
    """Give the note in a few lines: it begins with an address, and ends with what to do."""
    note = Text(printable(scene.note), style="red").wrap(console, console.width, overflow="fold")
    lines = list(note)[:NOTE_LINES_MAX] if scene.note else []
    if scene.overview and scene.is_old:
        seen = datetime.fromtimestamp(scene.overview.day.now).astimezone()
        lines.append(Text(f"shown is how it was at {seen:%H:%M:%S}", style="red"))
    return lines


def _batch_lines(scene: Scene, overview: Overview, console: Console, room: int) -> list[Text]:
    """Give the first batches, as many as there is room for, and sum up the rest."""
    if not scene.batches:
        return [Text("No batch is waiting.")]
    shown, lines = 0, list[Text]()
    for counts in scene.batches:
        head = _head(counts, console, _name_cells(scene.batches))
        facts = [
            *states(counts),
            *outlook(counts, overview, brings_workers=scene.brings_workers),
        ]
        block = [head, *_flow(facts, console.width, indent=INDENT)]
        is_last = shown + 1 == len(scene.batches)
        if shown and len(lines) + len(block) + (not is_last) > room:
            break
        lines, shown = [*lines, *block], shown + 1
    rest = scene.batches[shown:]
    return [*lines, _summed(rest)] if rest else lines


def _head(counts: Counts, console: Console, name_cells: int) -> Text:
    """Give a batch's name, its bar, and how far it is."""
    numbers = f" {counted(counts)}  {share(counts)}"
    room = console.width - cell_len(numbers)
    name_cells = min(name_cells, max(1, room - 1 - BAR_CELLS_MIN))
    line = Text()
    line.append(_fitted(printable(counts.batch), name_cells), style="bold").append(" ")
    if (bar_cells := min(BAR_CELLS_MAX, room - name_cells - 1)) >= BAR_CELLS_MIN:
        line.append_text(_bar(counts, console, bar_cells))
    return line.append(numbers)


def _bar(counts: Counts, console: Console, cells: int) -> Text:
    bar = ProgressBar(total=max(1, counts.total), completed=counts.total - counts.waiting, width=cells)
    pieces = console.render(bar, console.options.update(width=cells))
    line = Text()
    for piece in Segment.filter_control(pieces):
        line.append(piece.text, piece.style)
    # The console leaves out what has no colour to be told by.
    line.pad_right(cells - line.cell_len)
    return line


def _name_cells(batches: Sequence[Counts]) -> int:
    return min(NAME_CELLS, max(cell_len(printable(each.batch)) for each in batches))


def _summed(rest: Sequence[Counts]) -> Text:
    total, waiting = sum(each.total for each in rest), sum(each.waiting for each in rest)
    batches = "1 more batch" if len(rest) == 1 else f"{len(rest):,} more batches"
    return Text(f"{ELLIPSIS} and {batches}: {total - waiting:,} of {total:,}", style="dim")


def _shared_lines(overview: Overview, width: int) -> list[Text]:
    fleet, gate = overview.fleet, overview.gate
    workers = "1 worker" if fleet.workers == 1 else f"{fleet.workers:,} workers"
    processes = f"{fleet.calls:,} + {fleet.media:,} processes" if fleet.workers else "none alive"
    lines = _flow([rate_sentence(overview), day_sentence(overview), f"{workers} ({processes})"], width)
    if sentence := webhook_sentence(overview):
        lines += _flow(printable(sentence).split("; "), width, style="yellow")
    if gate is None:
        return lines
    why = printable(f"{gate.reason}: {gate.detail}")
    return [*lines, *_flow(gate.times.split(", "), width, style="yellow"), Text(why, style="yellow")]


def _upload_lines(overview: Overview, *, most: int) -> list[Text]:
    lines = upload_lines(overview)
    more = [f"{ELLIPSIS} and {len(lines) - most + 1:,} more uploads"] if len(lines) > most else []
    return [Text(line, style="dim") for line in [*lines[: most - len(more)], *more]]


def _letter_lines(overview: Overview, *, most: int) -> list[Text]:
    return [Text(f"dead: {letter}", style="red") for letter in dead_letter_lines(overview)[:most]]


def _flow(parts: Iterable[str], width: int, *, style: str = "", indent: str = "") -> list[Text]:
    """Set parts of a sentence in lines: one that does not fit any more begins the next line."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}, {part}" if lines else ""
        if lines and cell_len(longer) < width:
            lines[-1] = longer
        else:
            lines[-1:] = [f"{line}," for line in lines[-1:]]
            lines.append(f"{indent}{part}")
    return [Text(line, style=style) for line in lines]


def _cut(line: Text, width: int) -> Text:
    line.no_wrap, line.overflow = True, "ellipsis"
    line.truncate(width, overflow="ellipsis")
    return line


def _fitted(text: str, cells: int) -> str:
    """Give a text in so many cells, cut with an ellipsis or filled up."""
    if cell_len(text) > cells:
        return set_cell_size(text, cells - 1) + ELLIPSIS
    return set_cell_size(text, cells)
