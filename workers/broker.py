"""The broker's transport: kombu's for Redis, whose channel may be closed when its connection is gone.

After a lost connection Celery 5.7 closes a channel that has no connection any more. If a message is not yet
acknowledged then, kombu tries to restore it through that connection, and the AttributeError ends the worker
with every upload under way. Nothing has to be restored there: the ledger finds what was lost.
"""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES, redis


class Channel(redis.Channel):
    """A channel that restores messages only while it has a connection."""

    def close(self) -> None:
        """Close it."""
        if not self.closed and self.connection.client is None:
            self.do_restore = False
        super().close()


class Transport(redis.Transport):
    """Kombu's transport with these channels."""

    Channel = Channel


def use_for_redis() -> None:
    """Let every connection to a broker of these schemes be made by this transport."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
