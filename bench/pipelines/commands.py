"""Which commands the server is sent for a recording, as the server itself shows them (MONITOR)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.servers import Server

END = "end of the measurement"


@contextmanager
def counted_commands(server: Server) -> Iterator[Counter[str]]:
    """Count what clients send meanwhile, by command; what runs within a script is no command of theirs.

    The counter is complete at the end. To be watched costs the server as much as the work itself.
    """
    counted: Counter[str] = Counter()
    client = redis.Redis.from_url(server.url, decode_responses=True)
    with client.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis-py has none

        def listen() -> None:
            for seen in monitor.listen():
                if END in seen["command"]:
                    return
                if seen["client_type"] != "lua":
                    counted[seen["command"].split(maxsplit=1)[0].upper()] += 1

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield counted
        finally:
            server.client.get(END)
            listener.join()
    client.close()
