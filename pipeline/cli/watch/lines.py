"""How a scene reads on a pipe or in a file: a line for each batch, and one for what all of them share."""

from __future__ import annotations

from datetime import datetime

from pipeline.cli.sentences import day_sentence, outlook, rate_sentence, webhook_sentence
from pipeline.cli.watch.scene import Scene, counted
from pipeline.job import Counts
from pipeline.overview import Overview
from pipeline.printable import printable

# More batches than this are summed up.
BATCHES_MAX = 10


def plain_lines(scene: Scene) -> list[str]:
    """Give the lines of a scene."""
    if scene.note or scene.overview is None:
        return [printable(scene.note) or "starting"]
    overview = scene.overview
    at = f"{datetime.fromtimestamp(overview.day.now).astimezone():%H:%M:%S}"
    if len(scene.batches) == 1:
        return [f"{at} {_batch(scene.batches[0], scene, overview)}, {_shared(overview)}"]
    shown, rest = scene.batches[:BATCHES_MAX], scene.batches[BATCHES_MAX:]
    lines = [f"{at} {_batch(counts, scene, overview)}" for counts in shown]
    more = f"{len(rest):,} batches more, " if rest else "" if shown else "no batch is waiting, "
    return [*lines, f"{at} {more}{_shared(overview)}"]


def _batch(counts: Counts, scene: Scene, overview: Overview) -> str:
    dead = [f"{counts.dead:,} dead"] if counts.dead else []
    told = [*dead, *outlook(counts, overview, brings_workers=scene.brings_workers)]
    return ", ".join([f"{printable(counts.batch)}: {counted(counts)}", *told])


def _shared(overview: Overview) -> str:
    parts = [day_sentence(overview)]
    parts.append(printable(overview.gate.sentence) if overview.gate else rate_sentence(overview))
    if sentence := webhook_sentence(overview):
        parts.append(printable(sentence))
    return ", ".join(parts)
