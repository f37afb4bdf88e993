"""What the steps work with."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
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
        worker: This process, as people see it.
        on_progress: Told of an upload's progress after the ledger was, at most once a second; called in the
            lease's thread, while the upload goes on.
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
    random: Callable[[], float] = random
    stop_by: StopBy = _never
    worker: str = ""
    on_progress: OnProgress = untold
    on_wait: OnWait = _nobody

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        stop_by: StopBy = _never,
        on_progress: OnProgress = untold,
        on_wait: OnWait = _nobody,
    ) -> Self:
        """Connect to everything that the settings name.

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
            stop_by=stop_by,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            on_progress=on_progress,
            on_wait=on_wait,
        )
