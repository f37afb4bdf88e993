"""What most commands begin with: the server of the ledger, configured or embedded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pipeline.embedded import embedded_server
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


@contextmanager
def session(settings: Settings) -> Iterator[Session]:
    """Use the configured server, or the embedded one for as long as the block runs.

    Raises:
        LedgerUnreachable: It cannot be used.
    """
    with ExitStack() as stack:
        if not settings.redis_url:
            url = stack.enter_context(embedded_server(settings.data_dir))
            settings = dataclasses.replace(settings, redis_url=url)
        store = Store.from_settings(settings)
        stack.callback(store.close)
        store.ping()
        yield Session(settings, Ledger.from_settings(settings, store), Limiter.from_settings(settings, store))
