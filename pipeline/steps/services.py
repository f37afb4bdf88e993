"""What the steps work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import random
from typing import Self

from pipeline.gong import GongClient
from pipeline.lease import StopBy
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter, Notices
from pipeline.people import Directory
from pipeline.settings import Settings
from pipeline.store import Store


def _never() -> None:
    """Nobody asks to stop."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a step needs beside its job."""

    ledger: Ledger
    limiter: Limiter
    notices: Notices
    directory: Directory
    client: GongClient
    settings: Settings
    media_roots: tuple[Path, ...]
    random: Callable[[], float] = random
    stop_by: StopBy = _never

    @classmethod
    def from_settings(cls, settings: Settings, *, stop_by: StopBy = _never) -> Self:
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
            client=GongClient.from_settings(settings),
            settings=settings,
            media_roots=settings.media_roots,
            stop_by=stop_by,
        )
