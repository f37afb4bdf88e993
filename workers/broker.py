"""The broker's transport: kombu's for Redis, without what the ledger makes superfluous.

- What a worker took and did not acknowledge yet is known to that worker alone. Kombu keeps it in Redis too,
  to deliver it again after a kill: eight commands a message, a third of a worker's processor time. Here the
  ledger finds what was lost, long before; and a worker that stops puts back itself what it holds.
- One client for all that is published. Kombu makes one for each command, which costs more than to send it.
- After a lost connection Celery 5.7 closes a channel that has no connection any more. If a message is not yet
  acknowledged then, kombu tries to restore it through that connection, and the AttributeError ends the worker
  with every upload under way. Nothing has to be restored there: the ledger finds what was lost.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual

log = logging.getLogger(__name__)


class Held(virtual.QoS):
    """The messages that this process holds."""

    def restore_unacked(self) -> list[Any]:  # type: ignore[override]  # wrong in the stubs
        """Put them back for others; what cannot be put back is left to the ledger, not dumped into a file."""
        lost: list[Any] = super().restore_unacked()  # type: ignore[assignment]
        if lost:
            log.warning("%d messages could not be put back; their jobs are claimed again in time.", len(lost))
        return []


class Channel(redis.Channel):
    """A channel that holds messages in memory, and restores them only while it has a connection."""

    ack_emulation = False
    _publishing: Any = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.QoS = Held  # type: ignore[assignment]  # as kombu itself does without its emulation

    def close(self) -> None:
        """Close it."""
        if not self.closed and self.connection.client is None:
            self.do_restore = False
        super().close()

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        """Give the client for commands that are answered at once: one for each pool, as after a fork."""
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]  # not in the stubs
        if self._publishing is None or self._publishing.connection_pool is not self.pool:
            self._publishing = super()._create_client()  # type: ignore[misc]
        return self._publishing


class Transport(redis.Transport):
    """Kombu's transport with these channels."""

    Channel = Channel


class SentinelChannel(redis.SentinelChannel, Channel):
    """Such a channel to the primary that Sentinels name."""


class SentinelTransport(redis.SentinelTransport):
    """Kombu's transport for Sentinels with these channels."""

    Channel = SentinelChannel


def use_for_redis() -> None:
    """Let every connection to a broker of these schemes be made by these transports."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
    TRANSPORT_ALIASES["sentinel"] = f"{__name__}:{SentinelTransport.__name__}"
