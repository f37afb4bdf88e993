"""What most commands begin with: the server of the ledger, configured or embedded.

What leads to the server is imported when a session is opened: the help of a command waits for none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from pipeline.errors import LedgerUnreachable
from pipeline.logs import set_up_command
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.ledger import Control, Ledger, Refused
    from pipeline.limiter import Limiter
    from pipeline.overview import Observer
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
    _told: set[str] = field(default_factory=set)

    @property
    def control(self) -> Control:
        """Give what a person does to batches."""
        from pipeline.ledger import Control

        return Control(self.store)

    @property
    def refused(self) -> Refused:
        """Give the messages of the intake that were refused."""
        from pipeline.ledger import Manifests, Refused

        return Refused(Manifests(self.store))

    @property
    def observer(self) -> Observer:
        """Give what looks at everything."""
        from pipeline.overview import Observer

        return Observer(self.store, self.ledger, self.limiter)

    def revive(self) -> None:
        """Start the embedded server again if it fell; a configured server is somebody else's to start."""
        from pipeline.embedded import revive_server

        if self.is_embedded:
            revive_server(self.settings.data_dir)

    def keep_up(self) -> None:
        """Start the embedded server again if it fell; call it again and again.

        Why it cannot be started is told once until it answers, and stops nobody: there may be room on its
        disk a moment later.
        """
        if not self.is_embedded:
            return
        try:
            self.store.ping()
            self._told.clear()
        except LedgerUnreachable:
            try:
                self.revive()
            except LedgerUnreachable as error:
                if str(error) not in self._told:
                    self._told.add(str(error))
                    click.echo(str(error), err=True)


@contextmanager
def session(settings: Settings) -> Iterator[Session]:
    """Use the configured server, or the embedded one for as long as the block runs.

    Raises:
        LedgerUnreachable: It cannot be used.
        SettingsInvalid: It would lose jobs when its memory is full.
    """
    from pipeline.embedded import handed_on, with_server
    from pipeline.ledger import Ledger
    from pipeline.limiter import Limiter
    from pipeline.store import Store

    set_up_command(settings)
    is_embedded = not settings.redis_url
    descriptors: tuple[int, ...] = ()
    with ExitStack() as stack:
        settings = stack.enter_context(with_server(settings))
        if is_embedded:
            descriptors = (stack.enter_context(handed_on(settings.data_dir)),)
        store = Store.from_settings(settings)
        stack.callback(store.close)
        store.check_server()
        ledger = Ledger.from_settings(settings, store)
        limiter = Limiter.from_settings(settings, store)
        yield Session(settings, store, ledger, limiter, is_embedded, descriptors)
