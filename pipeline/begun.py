"""A script that was sent, and whose answer is still to come: the server and its asker work side by side.

Invariants: a connection that an answer may still come on is not used for anything else. Nothing that went
wrong with it is told here: the script is run again, patiently, on another connection.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis

Again = Callable[[redis.RedisError], Any]


class Connections:
    """Connections that stay out of their pool; threads may share them.

    To take one from there, and to look whether it stands, costs more than to ask the server something. One
    that does not stand is noticed when it is used, and then none that is free is trusted any more.
    """

    def __init__(self, pool: redis.ConnectionPool) -> None:
        self._pool = pool
        self._free: list[Any] = []
        self._process = os.getpid()

    def take(self) -> Any:
        """Give one that nobody else uses; it may be made for this."""
        if self._process != os.getpid():
            # Those are still the parent's.
            self._free, self._process = [], os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return self._pool.get_connection()

    def give_back(self, connection: Any) -> None:
        """Let others have it: nothing more will come on it."""
        self._free.append(connection)

    def drop(self, connection: Any) -> None:
        """Close one that something went wrong with, and all that are free."""
        self._free.append(connection)
        self.close()

    def close(self) -> None:
        """Close all that are free."""
        free, self._free = self._free, []
        for connection in free:
            connection.disconnect()
            self._pool.release(connection)


class Begun:
    """One script under way. `answer` must be called, once: until then it holds a connection.

    Attributes:
        sent_at: When it was sent on a connection that stood (`time.monotonic`); None if it is run again.

    Args:
        sha: Of the script.
        arguments: The number of its keys, the keys, and the rest.
        again: Told what went wrong here, it runs the script and waits for its answer, as every script may be
            repeated; or raises what it was told.
    """

    def __init__(
        self, connections: Connections, sha: str, arguments: Sequence[str | bytes | float], again: Again
    ) -> None:
        self._connections = connections
        self._again = again
        self._connection: Any = None
        self._failed: redis.RedisError | None = None
        self.sent_at: float | None = None
        try:
            self._connection = connections.take()
            self._connection.check_health()
            # In one piece: a bundle of recordings would leave in thirty.
            command = b"".join(self._connection.pack_command("EVALSHA", sha, *arguments))
            self.sent_at = time.monotonic()
            self._connection.send_packed_command([command], check_health=False)
        except redis.RedisError as error:
            self._fail(error)

    def answer(self) -> Any:
        """Wait for the answer; raises what `again` raises."""
        if self._failed:
            return self._again(self._failed)
        try:
            answer = self._connection.read_response()
        except redis.ResponseError as refused:
            # It was answered.
            self._connections.give_back(self._connection)
            return self._again(refused)
        except redis.RedisError as error:
            self._fail(error)
            return self._again(error)
        self._connections.give_back(self._connection)
        return answer

    def _fail(self, error: redis.RedisError) -> None:
        self._failed, self.sent_at = error, None
        if self._connection is not None:
            self._connections.drop(self._connection)
