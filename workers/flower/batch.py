"""The page of one batch: how it goes, what is under way, what died of what, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from tornado.web import HTTPError

from pipeline.history import Throughput
from pipeline.job import DeadLetter
from pipeline.ledger import DeadReason, UnderWay
from pipeline.overview import Overview
from workers.flower.batches import Row, row_of
from workers.flower.chart import Chart, Series, chart_of
from workers.flower.page import Page
from workers.flower.window import Seen

# Dead letters of a reason that are listed, and jobs under way, of all batches, among which its own are.
LETTERS, MOST_UNDER_WAY = 50, 500
# The chart of a young batch has room for so many parts.
PARTS_MIN, PARTS = 30, 120


@dataclass(frozen=True, slots=True)
class BatchView:
    """What is shown.

    Attributes:
        throughput, chart: What came to an end when; no chart while nothing did. It ends at `until`.
        under_way: Its jobs that a worker has.
        reasons: Its dead letters by reason, the most frequent first.
        code: The reason whose dead letters are listed; empty for none.
        letters: These, the newest first.
    """

    overview: Overview
    row: Row
    throughput: Throughput
    chart: Chart | None
    until: float
    under_way: tuple[UnderWay, ...]
    reasons: tuple[DeadReason, ...]
    code: str
    letters: tuple[DeadLetter, ...]


class BatchPage(Page):
    """`/batch?name=…`, and the dead letters of one reason with `&code=…`."""

    template, active = "gong_ingest/batch.html", "batches"

    async def view(self, *_parts: str) -> BatchView:
        """See the batch.

        Raises:
            HTTPError: There is none of that name.
        """
        seen = await self.window.look()
        return await self.window.ask(self._look, seen, self.given("name"), self.given("code"))

    def _look(self, seen: Seen, name: str, code: str) -> BatchView:
        overview = seen.overview
        counts = next((each for each in overview.batches if each.batch == name), None)
        if counts is None:
            raise HTTPError(404, f"There is no batch {name!r}.")
        control = self.window.control
        under_way = self.ledger.under_way(most=MOST_UNDER_WAY) if counts.active else []
        throughput = self.window.history.batch_throughput(name, PARTS)
        return BatchView(
            overview,
            row_of(counts, seen),
            throughput,
            chart_of_batch(throughput),
            end_of_chart(throughput),
            tuple(each for each in under_way if each.batch == name),
            tuple(control.dead_reasons(name)) if counts.dead else (),
            code,
            tuple(control.dead_letters(name, most=LETTERS, code=code)) if code and counts.dead else (),
        )


def chart_of_batch(throughput: Throughput) -> Chart | None:
    """Draw how many recordings were done and died in each part of a batch's time."""
    parts = throughput.parts
    if not parts:
        return None
    room = [0.0] * max(0, PARTS_MIN - len(parts))
    return chart_of(
        [
            Series("done", "done", [*(part.done for part in parts), *room]),
            Series("dead", "dead", [*(part.dead for part in parts), *room]),
        ]
    )


def end_of_chart(throughput: Throughput) -> float:
    """Say where the chart ends, in seconds since the epoch."""
    parts = throughput.parts
    return parts[0].at + max(PARTS_MIN, len(parts)) * throughput.width_s if parts else 0.0
