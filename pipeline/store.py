"""The connection to the ledger's server, and the scripts that run there.

Invariants: every change of state is one script, so it happens whole or not at all. Every error of the way to
the server, and every refusal that passes, becomes `LedgerUnreachable`; every other one `LedgerRefused`
(`refusal.py`). No sentence shows a password.
Key names stand in `lua/prelude.lua` and nowhere else: Python calls scripts (and waits for `wake`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import resources
from typing import Any, Self
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.client import PubSub
from redis.commands.core import Script
from redis.retry import Retry

from pipeline.errors import SettingsInvalid
from pipeline.refusal import DISK_FULL, error_of
from pipeline.settings import Settings

# A server that is out of reach for a moment is asked again, about 10 s in all; every script may be repeated.
RETRIES = 8
# A worker holds what is worth waiting for: about a minute and a half.
WORKER_RETRIES = 50
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 15.0

# Seconds since the epoch. The scripts read the server's clock; another one is for tests.
Clock = Callable[[], float]


class Store:
    """One client of the ledger's server; safe to share between threads, not between processes.

    Every method raises `LedgerUnreachable` when the server does not answer or cannot do it now, and
    `LedgerRefused` when it never will.

    Args:
        url: The server's address.
        namespace: What its keys start with.
        retries: How often to ask again a server that is out of reach.
        answer_within_s: How long to wait for one answer; `ANSWER_TIMEOUT_S` when left out.
    """

    def __init__(
        self, url: str, namespace: str, *, retries: int = RETRIES, answer_within_s: float | None = None
    ) -> None:
        self.address = shown(url)
        self._answer_within_s = min(answer_within_s or ANSWER_TIMEOUT_S, ANSWER_TIMEOUT_S)
        self._prefix = f"{namespace}:"
        retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=2.0), retries)
        self._client = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=min(CONNECT_TIMEOUT_S, self._answer_within_s),
            socket_timeout=self._answer_within_s,
            health_check_interval=15,
            retry=retry,
        )
        self._scripts: dict[str, Script] = {}

    @classmethod
    def from_settings(cls, settings: Settings, *, retries: int = RETRIES) -> Self:
        """Connect to the configured server.

        Raises:
            SettingsInvalid: None is configured.
        """
        return cls(_url_of(settings), settings.namespace, retries=retries)

    @classmethod
    def of_worker(cls, settings: Settings) -> Self:
        """Connect to the configured server as long-suffering as a worker has to be.

        But it waits for one answer a third of a lease at most: when a connection died, a renewal is sent a
        third into the lease, given up at two thirds, and sent again in time.

        Raises:
            SettingsInvalid: None is configured.
        """
        return cls(
            _url_of(settings),
            settings.namespace,
            retries=WORKER_RETRIES,
            answer_within_s=settings.lease_ttl_s / 3,
        )

    def run(self, name: str, *arguments: str | float) -> Any:
        """Run the script of that name on the server and give its answer."""
        script = self._scripts.get(name) or self._load(name)
        with self._reached(f"the script {name}"):
            return script(keys=[self._prefix], args=list(arguments))

    def ping(self) -> None:
        """Check that the server answers."""
        with self._reached("PING"):
            self._client.ping()

    def is_loading(self) -> bool:
        """Tell whether the server runs, but still reads what lies on its disk."""
        try:
            self._client.ping()
        except redis.BusyLoadingError:
            return True
        except redis.RedisError:
            return False
        return False

    def check_server(self) -> None:
        """Refuse a server that would lose jobs by itself: one that evicts keys when its memory is full.

        Raises:
            SettingsInvalid: It would evict.
        """
        with self._reached("INFO"):
            memory = self._client.info("memory")
        policy = memory.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise SettingsInvalid(
                f"The server at {self.address} drops keys when its memory is full, and recordings with them: "
                f"its maxmemory-policy is {policy}. Set it to noeviction."
            )

    def why_not_writable(self) -> str | None:
        """Say why the server takes no writes although it answers: its disk is full. None if it takes them."""
        with self._reached("INFO"):
            status = self._client.info("persistence").get("aof_last_write_status", "ok")
        return None if status == "ok" else f"The ledger's server at {self.address} waits: {DISK_FULL}."

    def wait_for_wake(self, timeout_s: float) -> bool:
        """Wait until a script has something for a dispatcher to do; only one waiting dispatcher is told."""
        with self._reached("BLPOP"):
            return self._client.blpop([f"{self._prefix}wake"], timeout=timeout_s) is not None

    def shut_down(self) -> None:
        """Stop the server, with all that was written on its disk."""
        with self._reached("SHUTDOWN"):
            self._client.shutdown(nosave=True)

    def subscribe(self, channel: str) -> Subscription:
        """Hear what the scripts publish on a channel, from now on."""
        with self._reached("SUBSCRIBE"):
            listener = self._client.pubsub()  # type: ignore[no-untyped-call]  # redis-py has none
            listener.subscribe(self._prefix + channel)
            confirmed = listener.get_message(timeout=self._answer_within_s)
            if confirmed is None:
                raise redis.TimeoutError("the subscription was not confirmed")
        return Subscription(listener, lambda: self._reached("SUBSCRIBE"))

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _load(self, name: str) -> Script:
        script = self._client.register_script(script_text(name))
        self._scripts[name] = script
        return script

    @contextmanager
    def _reached(self, what: str) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            raise error_of(error, what=what, address=self.address, prefix=self._prefix) from error


def _url_of(settings: Settings) -> str:
    if not settings.redis_url:
        raise SettingsInvalid("GONG_INGEST_REDIS_URL is not set; this needs the ledger's server.")
    return settings.redis_url


LIMITER_SCRIPTS = frozenset(
    {
        "acquire",
        "budget",
        "close",
        "gate",
        "limits",
        "note_failure",
        "note_success",
        "open",
        "probe_now",
        "set_limits",
    }
)


class Interrupted(Exception):
    """The connection was lost and made anew; what was published meanwhile was not heard."""


class Subscription:
    """What is published on one channel, in order; not to be shared between threads."""

    def __init__(self, listener: PubSub, reached: Callable[[], AbstractContextManager[None]]) -> None:
        self._listener = listener
        self._reached = reached

    def read(self, timeout_s: float) -> str | None:
        """Wait for the next message, at most so long; None when there was none.

        Raises:
            Interrupted: Messages may have been missed.
            LedgerUnreachable: The server does not answer.
        """
        with self._reached():
            message = self._listener.get_message(timeout=timeout_s)
        if message is None:
            return None
        if message["type"] != "message":
            raise Interrupted
        return str(message["data"])


def script_text(name: str) -> str:
    """Give a script with the text that stands before it."""
    preludes = ["prelude", "limiter_prelude"] if name in LIMITER_SCRIPTS else ["prelude"]
    folder = resources.files("pipeline") / "lua"
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in [*preludes, name])


def shown(url: str) -> str:
    """Give an address as it may be shown: without user and password."""
    parts = urlsplit(url)
    if "@" in parts.path + parts.query + parts.fragment:
        # A password with a bare '/', '?' or '#' ends up there.
        return f"{parts.scheme}://…"
    if parts.scheme == "unix":
        return parts.path
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
