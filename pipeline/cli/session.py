"""What most commands begin with: the server of the ledger, configured or embedded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pipeline.embedded import embedded_server, revive_server
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from pipeline.settings import Settings
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Session:
    """An open server: the settings with its address, the ledger and the limiter on it."""

    settings: Settings
    ledger: Ledger
    limiter: Limiter
    is_embedded: bool

    def revive(self) -> None:
        """Start the embedded server again if it fell; a configured server is somebody else's to start."""
        if self.is_embedded:
            revive_server(self.settings.data_dir)


@contextmanager
def session(settings: Settings) -> Iterator[Session]:
    """Use the configured server, or the embedded one for as long as the block runs.

    Raises:
        LedgerUnreachable: It cannot be used.
        SettingsInvalid: It would lose jobs when its memory is full.
    """
    is_embedded = not settings.redis_url
    with ExitStack() as stack:
        if is_embedded:
            url = stack.enter_context(embedded_server(settings.data_dir))
            settings = dataclasses.replace(settings, redis_url=url)
        store = Store.from_settings(settings)
        stack.callback(store.close)
        store.check_server()
        ledger = Ledger.from_settings(settings, store)
        yield Session(settings, ledger, Limiter.from_settings(settings, store), is_embedded)
