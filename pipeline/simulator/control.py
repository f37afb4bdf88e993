"""Health, record and faults of a running simulator: not limited, not authorized and not recorded.

GET  /_health                       {"status": "ok", "elapsed_s", "requests", "calls", "peak_memory_bytes"}
GET  /_record[?calls=0&requests=0]  everything, or all but the calls or the requests: see `Record`
GET  /_faults                       {"faults": [text, ...]} in the words of `faults.parse`
POST /_faults                       replaces all of them by those of a JSON object (`faults.from_mapping`)
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from tornado.web import RequestHandler

from pipeline.simulator import faults, record
from pipeline.simulator.simulation import Simulation

# Rows of the record written at one go: about 2 ms of work; between two slices requests are answered.
SLICE_ROWS = 500


class Control(RequestHandler):
    """What the three have in common."""

    def initialize(self, simulation: Simulation) -> None:
        """Take the simulation that this is about."""
        self._simulation = simulation

    def compute_etag(self) -> None:
        """Send no ETag: every answer is new."""


class Health(Control):
    """Tells that the simulator answers, and how large it has grown."""

    def get(self) -> None:
        """Answer GET /_health."""
        self.write(
            {
                "status": "ok",
                "elapsed_s": self._simulation.clock(),
                "requests": len(self._simulation.log),
                "calls": len(self._simulation.company.calls),
                "peak_memory_bytes": _peak_memory_bytes(),
            }
        )


class Faults(Control):
    """Shows and replaces the faults."""

    def get(self) -> None:
        """Answer GET /_faults."""
        self.write({"faults": [fault.text() for fault in self._simulation.dice.faults]})

    def post(self) -> None:
        """Answer POST /_faults: like GET, or 400 with what is wrong."""
        try:
            mapping = json.loads(self.request.body)
            if not isinstance(mapping, dict):
                raise faults.FaultsInvalid('The faults must be a JSON object, such as {"lost": 0.2}.')
            self._simulation.dice.set(faults.from_mapping(mapping), self._simulation.clock())
        except ValueError as error:
            self.set_status(400)
            self.write({"errors": [str(error)]})
            return
        self.get()


class Record(Control):
    """Everything that happened, as one JSON object, written in slices.

    `started_at` (ISO-8601) is the wall clock at 0; every other time is in seconds since then, on the
    monotonic clock. `totals` counts requests by endpoint and status, `notes` by note, `oauth` what became of
    tokens (`Tokens.record`); `requests` has a row for each, its fields in `request_fields` (`record`);
    `calls` an object each (`Company.record_of_calls`).
    """

    async def get(self) -> None:
        """Answer GET /_record."""
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(self._summary())[:-1])
        if self.get_query_argument("calls", "1") != "0":
            await self._write_list("calls", self._simulation.company.record_of_calls())
        if self.get_query_argument("requests", "1") != "0":
            await self._write_list("requests", self._simulation.log.rows(0, len(self._simulation.log)))
        self.write("}")

    def _summary(self) -> dict[str, object]:
        simulation = self._simulation
        options = simulation.options
        return {
            "started_at": datetime.fromtimestamp(simulation.started_at_s, UTC).isoformat(),
            "elapsed_s": simulation.clock(),
            "policy": options.policy,
            "requests_per_second": options.requests_per_second,
            "requests_per_day": options.requests_per_day,
            "day_s": options.day_s,
            "totals": simulation.log.totals(),
            "notes": simulation.log.notes(),
            "oauth": simulation.tokens.record(),
            "request_fields": record.FIELDS,
        }

    async def _write_list(self, name: str, rows: Iterable[object]) -> None:
        self.write(f', "{name}": [')
        for position, piece in enumerate(_slices(rows)):
            self.write((", " if position else "") + json.dumps(piece, separators=(",", ":"))[1:-1])
            await self.flush()
            await asyncio.sleep(0)
        self.write("]")


def _slices(rows: Iterable[object]) -> Iterator[list[object]]:
    iterator = iter(rows)
    while piece := list(islice(iterator, SLICE_ROWS)):
        yield piece


def _peak_memory_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
