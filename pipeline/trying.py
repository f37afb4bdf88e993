"""Which commands a user may send: each is tried in a transaction that is thrown away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import redis

log = logging.getLogger(__name__)


def refusals(pool: redis.ConnectionPool, commands: Sequence[Sequence[str]]) -> list[str]:
    """Tell how the server refuses each command, '' if it does not.

    Raises:
        RedisError: The server does not answer, or the user may not open a transaction.
    """
    connection: Any = pool.get_connection()
    try:
        connection.send_command("MULTI")
        connection.read_response()
        # All at once, over the connection on which the transaction is open: one that was made anew in
        # between, or that refused a transaction, would carry them out.
        if connection._sock is None:  # noqa: SLF001 - redis-py would connect anew
            raise redis.ConnectionError("the connection was lost")
        connection.send_packed_command(connection.pack_commands([*commands, ("DISCARD",)]))
        refused = [_refusal(connection) for _ in commands]
        connection.read_response()
    finally:
        # Whatever became of the transaction ends with the connection.
        connection.disconnect()
        pool.release(connection)
    return refused


def _refusal(connection: Any) -> str:
    """Read what a command of a transaction is answered; gives how it is refused for want of a right."""
    try:
        connection.read_response()
    except redis.exceptions.NoPermissionError as error:
        return str(error)
    except redis.ResponseError as error:
        # A command that the server does not know says nothing of rights; nor does one that may not be queued.
        log.debug("A command cannot be tried: %s", error)
    return ""
