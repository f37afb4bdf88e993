"""Which commands the server is sent for a recording, as the server itself shows them (MONITOR)."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import redis

from bench.pipelines.place import NAMESPACE, Place
from pipeline.store import Store

END = "end of the measurement"
HOST = "127.0.0.1"


@contextmanager
def counted_commands(here: Place) -> Iterator[tuple[Place, Counter[str]]]:
    """Count what clients send meanwhile, by command; what runs within a script is no command of theirs.

    Who measures in the place that is given comes over TCP, which nobody else does, and is not counted. The
    counter is complete at the end. To be watched costs the server as much as the work itself.
    """
    server, counted = here.server, Counter[str]()
    store = Store(_opened(server.client), NAMESPACE)
    client = redis.Redis.from_url(server.url, decode_responses=True)
    with client.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis-py has none

        def listen() -> None:
            for seen in monitor.listen():
                if END in seen["command"]:
                    return
                if seen["client_type"] == "unix":
                    counted[seen["command"].split(maxsplit=1)[0].upper()] += 1

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield replace(here, store=store), counted
        finally:
            server.client.get(END)
            listener.join()
    client.close()
    store.close()


def _opened(client: redis.Redis) -> str:
    """Let the server, which so far listens on its socket alone, listen on a port too; gives the address."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    client.config_set("bind", HOST)
    client.config_set("port", port)
    return f"redis://{HOST}:{port}/0"
