"""Flower's `/metrics`, with a scrape of the ledger off the web server's thread."""

from __future__ import annotations

from flower.views import BaseHandler
from prometheus_client import generate_latest

from workers.flower.page import WINDOW


class Metrics(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """As Flower's own, and open to everybody as that is; a server that stands still holds up nobody else."""

    async def get(self) -> None:
        """Tell the metrics of Flower and of the fleet."""
        self.application.purge_offline_worker_metrics()
        told = await self.settings[WINDOW].ask(generate_latest)
        self.set_header("Content-Type", "text/plain")
        self.write(told)
