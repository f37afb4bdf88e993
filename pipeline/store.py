"""The connection to the ledger's server, and the scripts that run there.

Invariants: every change of state is one script, so it happens whole or not at all. Every error of the way to
the server, and every refusal that passes, becomes `LedgerUnreachable`; every other one `LedgerRefused`
(`refusal.py`). No sentence shows a password.
Key names stand in `lua/prelude.lua` and nowhere else: Python calls scripts (and waits for `wake`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.commands.core import Script
from redis.exceptions import NoScriptError
from redis.retry import Retry

from pipeline import tracing
from pipeline.begun import Begun, Connections
from pipeline.connecting import client_of, shown, url_of
from pipeline.counting import Counting, text_of
from pipeline.errors import LedgerRefused, SettingsInvalid
from pipeline.refusal import DISK_FULL, error_of
from pipeline.scripts import script_text
from pipeline.server import problem_of_eviction, problem_of_version
from pipeline.settings import Access, Settings
from pipeline.subscription import Subscription
from pipeline.trying import refusals

# A server that is out of reach for a moment is asked again, about 10 s in all; every script may be repeated.
RETRIES = 8
# A worker holds what is worth waiting for: about a minute and a half.
WORKER_RETRIES = 50
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 15.0

# Seconds since the epoch. The scripts read the server's clock; another one is for tests.
Clock = Callable[[], float]

# Of every script in a trace.
REDIS = {"db.system.name": "redis", "db.operation.name": "EVALSHA"}

# A script by its name, and its arguments.
Call = tuple[str, Sequence[str | float]]


class Store:
    """One client of the ledger's server; safe to share between threads, not between processes.

    Every method raises `LedgerUnreachable` when the server does not answer or cannot do it now, and
    `LedgerRefused` when it never will.

    Args:
        url: The server's address.
        namespace: What its keys start with.
        retries: How often to ask again a server that is out of reach.
        answer_within_s: How long to wait for one answer; `ANSWER_TIMEOUT_S` when left out.
        errors: What becomes of bytes that are not UTF-8 (`codecs`). All that is written from here is UTF-8.
        access: What else the way there needs; nothing when left out.

    Raises:
        SettingsInvalid: A file with a certificate cannot be used.
    """

    def __init__(  # noqa: PLR0913 - each beyond the address has a default
        self,
        url: str,
        namespace: str,
        *,
        retries: int = RETRIES,
        answer_within_s: float | None = None,
        errors: str = "strict",
        access: Access | None = None,
    ) -> None:
        self.address = shown(url)
        self._answer_within_s = min(answer_within_s or ANSWER_TIMEOUT_S, ANSWER_TIMEOUT_S)
        self._prefix = f"{namespace}:"
        retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=2.0), retries)
        self._client = client_of(
            url,
            access or Access(),
            decode_responses=True,
            encoding_errors=errors,
            socket_connect_timeout=min(CONNECT_TIMEOUT_S, self._answer_within_s),
            socket_timeout=self._answer_within_s,
            health_check_interval=15,
            retry=retry,
        )
        self._connections = Connections(self._client.connection_pool)
        # One answer that did not come was what is to be waited for.
        self._is_impatient = retries == 0
        self._scripts: dict[str, Script] = {}
        self._counting = Counting()
        self._is_new_enough = False

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        retries: int = RETRIES,
        answer_within_s: float | None = None,
        errors: str = "strict",
    ) -> Self:
        """Connect to the configured server.

        Raises:
            SettingsInvalid: None is configured, or a file with a certificate cannot be used.
        """
        return cls(
            url_of(settings),
            settings.namespace,
            retries=retries,
            answer_within_s=answer_within_s,
            errors=errors,
            access=Access.of(settings),
        )

    @classmethod
    def of_worker(cls, settings: Settings) -> Self:
        """Connect to the configured server as long-suffering as a worker has to be.

        But it waits for one answer a third of a lease at most: when a connection died, a renewal is sent a
        third into the lease, given up at two thirds, and sent again in time.

        Raises:
            SettingsInvalid: None is configured.
        """
        return cls.from_settings(settings, retries=WORKER_RETRIES, answer_within_s=settings.lease_ttl_s / 3)

    def run(self, name: str, *arguments: str | bytes | float) -> Any:
        """Run the script of that name on the server and give its answer."""
        with tracing.part(name, REDIS):
            return self._begin(self._scripts.get(name) or self._load(name), name, arguments).answer()

    def begin(self, name: str, *arguments: str | bytes | float) -> Begun:
        """Send the script of that name; its answer is read when it is asked for."""
        script = self._scripts.get(name)
        if script is None:
            script = self._load(name)
            # A server that does not know it would say so only when its answer is read.
            with self._reached(f"the script {name}"):
                self._client.script_load(script.script)
        return self._begin(script, name, arguments)

    def _begin(self, script: Script, name: str, arguments: Sequence[str | bytes | float]) -> Begun:
        counted = self._counting.take()
        keys, behind = self._with_counted(counted)

        def again(error: redis.RedisError) -> Any:
            with self._reached(f"the script {name}"):
                try:
                    if self._is_final(error):
                        raise error
                    return script(keys=keys, args=[*arguments, *behind])
                except (redis.ConnectionError, redis.TimeoutError):
                    if counted:
                        self._counting.add(counted)
                    raise

        return Begun(self._connections, script.sha, (len(keys), *keys, *arguments, *behind), again)

    def _is_final(self, error: redis.RedisError) -> bool:
        """Tell whether a script that went wrong is not to be run again."""
        if isinstance(error, redis.TimeoutError):
            return self._is_impatient
        return isinstance(error, redis.ResponseError) and not isinstance(error, NoScriptError)

    def _with_counted(self, counted: Mapping[str, int]) -> tuple[list[str], list[str]]:
        """Give a script's keys, and what stands behind its arguments, which it looks for if there are two."""
        return ([self._prefix] * 2, [text_of(counted)]) if counted else ([self._prefix], [])

    def count(self, counted: Mapping[str, int]) -> None:
        """Add to counters of the fleet (`history/counted.py`), in the round trip of the next script.

        Nothing waits for them, and nothing fails because of them.
        """
        self._counting.add(counted)

    def run_together(self, *calls: Call) -> list[Any]:
        """Run several scripts at one moment, in one round trip; an answer for each, in order."""
        scripts = [self._scripts.get(name) or self._load(name) for name, _ in calls]
        with self._reached(f"the scripts {', '.join(name for name, _ in calls)}"):
            try:
                return self._ask_together(scripts, calls)
            except NoScriptError:
                for script in scripts:
                    self._client.script_load(script.script)
                return self._ask_together(scripts, calls)

    def _ask_together(self, scripts: Sequence[Script], calls: Sequence[Call]) -> list[Any]:
        with self._client.pipeline() as pipeline:
            for script, (_, arguments) in zip(scripts, calls, strict=True):
                pipeline.evalsha(script.sha, 1, self._prefix, *arguments)
            return pipeline.execute()

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
        """Refuse a server that is too old, or would lose jobs by itself: that evicts keys when full.

        Raises:
            SettingsInvalid: It is such a server.
            LedgerRefused: It holds a ledger of another format.
        """
        problem = None if self._is_new_enough else problem_of_version(self.info("server"))
        if problem := problem or problem_of_eviction(self.info("memory")):
            raise SettingsInvalid(f"The server at {self.address} {problem}")
        self._is_new_enough = True
        # Any script would do: each looks at the format first.
        self.run("clock")

    def info(self, section: str) -> Mapping[str, Any]:
        """Read what the server tells of itself."""
        with self._reached("INFO"):
            told: Mapping[str, Any] = self._client.info(section)
        return told

    def config(self, name: str) -> str | None:
        """Read a setting of the server; None if this user may not."""
        try:
            with self._reached("CONFIG GET"):
                return self._client.config_get(name).get(name)
        except LedgerRefused:
            return None

    def refusals(self, commands: Sequence[Sequence[str]]) -> list[str]:
        """Tell how the server refuses each command to this user, '' if it does not; none is carried out.

        Raises:
            LedgerRefused: The user may not open a transaction, so nobody can know.
        """
        with self._reached("MULTI"):
            return refusals(self._client.connection_pool, commands)

    def why_not_writable(self) -> str | None:
        """Say why the server takes no writes although it answers: its disk is full. None if it takes them."""
        status = self.info("persistence").get("aof_last_write_status", "ok")
        return None if status == "ok" else f"The ledger's server at {self.address} waits: {DISK_FULL}."

    def wait_for_wake(self, timeout_s: float) -> bool:
        """Wait until a script has something for a dispatcher to do; only one waiting dispatcher is told."""
        with self._reached("BLPOP"):
            return self._client.blpop([f"{self._prefix}wake"], timeout=timeout_s) is not None

    def wait_for_message(self, name: str, timeout_s: int) -> bool:
        """Wait until a list holds something, and leave it there."""
        key = self._prefix + name
        with self._reached("BLMOVE"):
            # The last one is moved to where it was.
            return self._client.blmove(key, key, timeout_s, "RIGHT", "RIGHT") is not None

    def wait_for_event(self, after: str, timeout_s: int) -> bool:
        """Wait until the stream of events has one behind that id."""
        stream = f"{self._prefix}events"
        with self._reached("XREAD"):
            return bool(self._client.xread({stream: after}, count=1, block=timeout_s * 1000))

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
        self._connections.close()
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
