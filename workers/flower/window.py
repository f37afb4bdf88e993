"""Looks at the ledger for the pages, off the web server's thread.

Invariants: a server that is gone, or frozen, costs a thread of a pool of our own for some seconds, and the
pages nothing but their content. However many people look, everything is looked at once a second at most.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from pipeline.history import History, Throughput
from pipeline.ledger import Control, Ledger, Manifests
from pipeline.limiter import Limiter
from pipeline.overview import Observer, Overview
from pipeline.settings import Settings
from pipeline.store import Store

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

# For so long what was seen is not looked at again.
FRESH_S = 1.0
# A page says soon that the server is gone; it is asked again with the next look.
RETRIES, ANSWER_WITHIN_S = 1, 1.5
THREADS, DOWNLOADS = 8, 4
# A download is worth a second of waiting.
DOWNLOAD_RETRIES = 5
# Batches whose pace is told: those that workers are at, the newest first.
MOST_PACED = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything at one moment.

    Attributes:
        throughput: Of the batches that workers are at, by name.
    """

    overview: Overview
    throughput: Mapping[str, Throughput]


class Window:
    """What the pages see of one namespace, and what they do to it.

    Attributes:
        settings: Those of this process.
        observer, control, manifests, history, ledger: For what runs in `ask`; they soon give up.
        patient: Manifests over a connection that waits longer, for downloads.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        store = Store.from_settings(settings, retries=RETRIES, answer_within_s=ANSWER_WITHIN_S)
        self.store = store
        self.ledger = Ledger.from_settings(settings, store)
        self.observer = Observer(store, self.ledger, Limiter.from_settings(settings, store))
        self.control = Control(store)
        self.history = History(store)
        self.manifests = Manifests(store)
        self.patient = Manifests(Store.from_settings(settings, retries=DOWNLOAD_RETRIES))
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger")
        self._downloads = ThreadPoolExecutor(DOWNLOADS, thread_name_prefix="download")
        self._look: asyncio.Future[Seen] | None = None
        self._looked_at = 0.0

    async def look(self) -> Seen:
        """See everything, as it was a second ago at most.

        Raises:
            LedgerUnreachable, LedgerRefused: The server cannot be used.
        """
        look = self._look
        if look is None or (look.done() and time.monotonic() - self._looked_at >= FRESH_S):
            look = asyncio.ensure_future(self.ask(self._see))
            self._look, self._looked_at = look, time.monotonic()
        # Who goes away must not take the look away from the others.
        return await asyncio.shield(look)

    def _see(self) -> Seen:
        overview = self.observer.look()
        running = [each.batch for each in overview.batches if each.active][:MOST_PACED]
        return Seen(overview, {name: self.history.batch_throughput(name) for name in running})

    def forget_look(self) -> None:
        """Look anew the next time: something was done."""
        self._look = None

    async def ask(
        self, function: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Answer:
        """Run what asks the ledger in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: function(*args, **kwargs))

    async def read(self, function: Callable[[], Answer]) -> Answer:
        """Run a part of a download in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._downloads, function)
