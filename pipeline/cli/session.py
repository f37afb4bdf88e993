"""What most commands begin with: the server of the ledger, configured or embedded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pipeline.embedded import embedded_server, handed_on, revive_server
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from pipeline.settings import Settings
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Session:
    """An open server: the settings with its address, the connection, the ledger and the limiter on it.

    Attributes:
        handed_on: Descriptors for workers started from here: with them they use the embedded server as well.
    """

    settings: Settings
    store: Store
    ledger: Ledger
    limiter: Limiter
    is_embedded: bool
    handed_on: tuple[int, ...] = ()

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
    descriptors: tuple[int, ...] = ()
    with ExitStack() as stack:
        if is_embedded:
            url = stack.enter_context(embedded_server(settings.data_dir))
            descriptors = (stack.enter_context(handed_on(settings.data_dir)),)
            settings = dataclasses.replace(settings, redis_url=url)
        store = Store.from_settings(settings)
        stack.callback(store.close)
        store.check_server()
        ledger = Ledger.from_settings(settings, store)
        limiter = Limiter.from_settings(settings, store)
        yield Session(settings, store, ledger, limiter, is_embedded, descriptors)
