"""Things that go wrong with the broker: messages vanish, come twice or come late."""

from __future__ import annotations

from random import Random

from tests.chaos.arena import NAMESPACE
from tests.servers import Server

CATCH_WITHIN_S = 1.0
QUEUES = tuple(f"{NAMESPACE}:celery:{queue}" for queue in ("calls", "media"))


def delete_a_message(server: Server, random: Random) -> bool:
    """Take a message out of a queue; tells whether there was one."""
    return server.client.lpop(random.choice(QUEUES)) is not None


def catch_a_message(server: Server, *, copies: int) -> bool:
    """Wait for a message before any worker reads it, and put so many of it back; tells whether one came."""
    caught = server.client.blpop(QUEUES, timeout=CATCH_WITHIN_S)
    if caught is None:
        return False
    queue, message = caught
    if copies:
        server.client.rpush(queue, *[message] * copies)
    return True


def double_a_message(server: Server, random: Random) -> bool:
    """Put a message into its queue once more; tells whether there was one."""
    queue = random.choice(QUEUES)
    message = server.client.lindex(queue, 0)
    if message is None:
        return False
    server.client.rpush(queue, message)
    return True
