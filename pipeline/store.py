"""The connection to the ledger's server, and the scripts that run there.

Invariants: every change of state is one script, so it happens whole or not at all. Every error of the
server or of the way to it becomes `LedgerUnreachable`, with a sentence that never shows a password.
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

from pipeline.errors import LedgerUnreachable, SettingsInvalid
from pipeline.settings import Settings

# A server that is out of reach for a moment is asked again, about 10 s in all; every script may be repeated.
RETRIES = 8
# A worker holds what is worth waiting for: about a minute and a half.
WORKER_RETRIES = 50
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 15.0

# Seconds since the epoch. The scripts read the server's clock; another one is for tests.
Clock = Callable[[], float]

REFUSALS: dict[type[redis.RedisError], str] = {
    redis.ReadOnlyError: "it is a replica that only reads; name the primary in GONG_INGEST_REDIS_URL.",
    redis.OutOfMemoryError: "its memory is full (maxmemory); give it more, what is written stays.",
    redis.AuthenticationError: "it refuses user or password in GONG_INGEST_REDIS_URL.",
}


class Store:
    """One client of the ledger's server; safe to share between threads, not between processes."""

    def __init__(self, url: str, namespace: str, *, retries: int = RETRIES) -> None:
        self.address = shown(url)
        self._prefix = f"{namespace}:"
        retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=2.0), retries)
        self._client = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=ANSWER_TIMEOUT_S,
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
        if not settings.redis_url:
            raise SettingsInvalid("GONG_INGEST_REDIS_URL is not set; this needs the ledger's server.")
        return cls(settings.redis_url, settings.namespace, retries=retries)

    def run(self, name: str, *arguments: str | float) -> Any:
        """Run the script of that name on the server and give its answer.

        Raises:
            LedgerUnreachable: The server does not answer, or refuses to write.
        """
        script = self._scripts.get(name) or self._load(name)
        with self._reached():
            return script(keys=[self._prefix], args=list(arguments))

    def ping(self) -> None:
        """Check that the server answers.

        Raises:
            LedgerUnreachable: It does not.
        """
        with self._reached():
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
            LedgerUnreachable: It does not answer.
        """
        with self._reached():
            memory = self._client.info("memory")
        policy = memory.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise SettingsInvalid(
                f"The server at {self.address} drops keys when its memory is full, and recordings with them: "
                f"its maxmemory-policy is {policy}. Set it to noeviction."
            )

    def wait_for_wake(self, timeout_s: float) -> bool:
        """Wait until a script has something for a dispatcher to do; only one waiting dispatcher is told.

        Raises:
            LedgerUnreachable: The server does not answer.
        """
        with self._reached():
            return self._client.blpop([f"{self._prefix}wake"], timeout=timeout_s) is not None

    def shut_down(self) -> None:
        """Stop the server, with all that was written on its disk.

        Raises:
            LedgerUnreachable: It does not answer.
        """
        with self._reached():
            self._client.shutdown(nosave=True)

    def subscribe(self, channel: str) -> Subscription:
        """Hear what the scripts publish on a channel, from now on.

        Raises:
            LedgerUnreachable: The server does not answer.
        """
        with self._reached():
            listener = self._client.pubsub()  # type: ignore[no-untyped-call]  # redis-py has none
            listener.subscribe(self._prefix + channel)
            confirmed = listener.get_message(timeout=ANSWER_TIMEOUT_S)
            if confirmed is None:
                raise redis.TimeoutError("the subscription was not confirmed")
        return Subscription(listener, self._reached)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _load(self, name: str) -> Script:
        script = self._client.register_script(script_text(name))
        self._scripts[name] = script
        return script

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: redis.RedisError) -> LedgerUnreachable:
        what = f"The ledger's server at {self.address} cannot be used"
        for kind, sentence in REFUSALS.items():
            if isinstance(error, kind):
                return LedgerUnreachable(f"{what}: {sentence}")
        return LedgerUnreachable(f"{what}: {str(error) or type(error).__name__}.")


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
