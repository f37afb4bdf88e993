"""What the steps work with."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import random
from typing import Self

from pipeline.authorization import client_of
from pipeline.gong import GongClient
from pipeline.job import Held
from pipeline.lease import OnProgress, StopBy, untold
from pipeline.ledger import Filling, Ledger
from pipeline.limiter import Limiter, Notices
from pipeline.media import Access
from pipeline.people import Directory
from pipeline.settings import Settings
from pipeline.settings.address import root_of
from pipeline.store import Store

OnWait = Callable[[Held, float], None]


def _nobody(_held: Held, _wait_s: float) -> None:
    """Nobody wants to know of waits."""


def _never() -> None:
    """Nobody asks to stop."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a step needs beside its job.

    Attributes:
        is_embedded: Whether all workers are on this machine, and a recording may say where its media lies.
        worker: This process, as people see it.
        on_progress: Told of an upload's progress after the ledger was, at most once a second; called in the
            thread that looks after the lease, while the upload goes on.
        on_wait: Told how many seconds a request waits for its instant, once for each; must not take long.
    """

    ledger: Ledger
    limiter: Limiter
    notices: Notices
    directory: Directory
    filling: Filling
    client: GongClient
    settings: Settings
    access: Access
    is_embedded: bool = False
    random: Callable[[], float] = random
    stop_by: StopBy = _never
    worker: str = ""
    on_progress: OnProgress = untold
    on_wait: OnWait = _nobody

    def access_of(self, held: Held) -> Access:
        """Give what may be read for a job: below the roots of its own, or else of the settings."""
        roots = held.payload.roots if self.is_embedded else ()
        return replace(self.access, roots=tuple(map(root_of, roots))) if roots else self.access

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        stop_by: StopBy = _never,
        on_progress: OnProgress = untold,
        on_wait: OnWait = _nobody,
        is_embedded: bool = False,
    ) -> Self:
        """Connect to everything that the settings name.

        Args:
            settings: Of the worker.
            stop_by: As the attribute.
            on_progress: As the attribute.
            on_wait: As the attribute.
            is_embedded: Whether its server is the embedded one of this machine.

        Raises:
            SettingsInvalid: The server, the API's address or the credentials are missing.
        """
        store = Store.of_worker(settings)
        return cls(
            ledger=Ledger.from_settings(settings, store),
            limiter=Limiter.from_settings(settings, store),
            notices=Notices(store),
            directory=Directory(store, taken_s=settings.lease_ttl_s),
            filling=Filling(store),
            client=client_of(settings, store),
            settings=settings,
            access=Access.from_settings(settings),
            is_embedded=is_embedded,
            stop_by=stop_by,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            on_progress=on_progress,
            on_wait=on_wait,
        )
