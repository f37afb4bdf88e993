"""What the checks look at."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from pipeline.settings import Settings
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Patient:
    """The settings, and the server that they name.

    Attributes:
        store: Over a connection that gives up soon.
        profile: Where the settings come from, in words.
        is_embedded: The server is this machine's own.
        asks_api: One request may be sent to the API.
    """

    settings: Settings
    store: Store
    ledger: Ledger
    limiter: Limiter
    profile: str
    is_embedded: bool
    asks_api: bool

    @classmethod
    def of(
        cls, settings: Settings, store: Store, *, profile: str, is_embedded: bool, asks_api: bool
    ) -> Patient:
        """Look at these settings and this server."""
        return cls(
            settings=settings,
            store=store,
            ledger=Ledger.from_settings(settings, store),
            limiter=Limiter.from_settings(settings, store),
            profile=profile,
            is_embedded=is_embedded,
            asks_api=asks_api,
        )
