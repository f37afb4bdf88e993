"""Who runs, seen from outside: its workers, the program that hands in, and when everything is in."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from celery import Celery

from bench.contenders.ours import BATCH
from bench.contenders.start import DONE, GO, READY
from bench.pipelines.place import Place
from tests.chaos.fleet import ROOT, Fleet
from tests.system.machine import Finished
from tests.waiting import await_true

STARTS_WITHIN_S = 60.0


class Program:
    """A program that waits for the word, works, says that it is done, and waits for its end."""

    def __init__(self, module: str, arguments: Sequence[str], place: Place) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"bench.contenders.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=place.environment(),
            start_new_session=True,
        )
        self._hear(READY)

    @property
    def session(self) -> int:
        """Give its session."""
        return self._process.pid

    def go(self) -> None:
        """Let it work."""
        if self._process.stdin is None:
            raise RuntimeError("The program has no input.")
        self._process.stdin.write(f"{GO}\n")
        self._process.stdin.flush()

    def await_done(self) -> None:
        """Wait until it is done."""
        self._hear(DONE)

    def kill(self) -> None:
        """Kill it in the middle of what it does."""
        self._process.kill()
        with self._process:
            pass

    def end(self) -> Finished:
        """Let it end, and wait for that."""
        stdout, _ = self._process.communicate()
        return Finished(self._process.returncode, stdout, "")

    def _hear(self, word: str) -> None:
        if self._process.stdout is None:
            raise RuntimeError("The program has no output.")
        heard = self._process.stdout.readline().strip()
        if heard != word:
            raise RuntimeError(f"{self._process.args!r} said {heard!r} instead of {word!r}.")


@dataclass(frozen=True, slots=True)
class Contender:
    """One of those who are compared.

    Attributes:
        name: As a reader knows it.
        module: Its program in `bench.contenders`.
        arguments: Of the program, in a place and with so many processes or threads.
        app: Celery's application; None has no workers.
        queues: Those that its workers work on.
        finished: Counts the recordings that are in; None: when the program is done, all are.
        look_interval_s: How often that may be asked without being in the way.
    """

    name: str
    module: str
    arguments: Callable[[Place, int], Sequence[str]]
    app: str | None
    queues: str
    finished: Callable[[Place], int] | None
    look_interval_s: float = 0.05

    @contextmanager
    def working(self, place: Place, *, workers: int, concurrency: int) -> Iterator[Fleet]:
        """Run its workers, each with so many processes, from when all of them are ready."""
        fleet = Fleet(place.environment(), place.logs)
        try:
            if self.app:
                for number in range(workers):
                    fleet.add(
                        f"{self.module}-{number}", queues=self.queues, concurrency=concurrency, app=self.app
                    )
                await_true(
                    lambda: self._are_ready(place, workers),
                    f"{workers} workers of {self.name} are ready (see {place.logs})",
                    within_s=STARTS_WITHIN_S,
                )
            yield fleet
        finally:
            fleet.end()

    def _are_ready(self, place: Place, workers: int) -> bool:
        if self is OURS:
            return place.ledger.fleet().workers == workers
        with Celery(broker=place.broker_url) as app:
            return len(app.control.ping(timeout=0.3) or ()) == workers

    def program(self, place: Place, concurrency: int) -> Program:
        """Start the program that hands in, and wait until it is ready."""
        return Program(self.module, self.arguments(place, concurrency), place)


def _paths(place: Place, _concurrency: int) -> list[str]:
    return [str(place.recordings.manifest), str(place.recordings.folder)]


def _third_tasks(place: Place) -> int:
    """Count the last tasks of chains that were begun; the workers tell."""
    answers = _app(place.broker_url).control.inspect(limit=1, timeout=5.0).stats() or {}
    return sum(answer["total"].get("third", 0) for answer in answers.values())


@functools.lru_cache(1)
def _app(broker_url: str) -> Celery:
    return Celery(broker=broker_url)


def _uploaded(place: Place) -> int:
    return sum(count for status, count in place.requests("media").items() if status.startswith("2"))


CHAIN = Contender(
    "bare Celery chain of 3 empty tasks",
    "empty_chain",
    lambda place, _: [str(place.recordings.count)],
    "bench.contenders.empty_chain",
    "celery",
    _third_tasks,
    # All workers are asked, on a broker that they share.
    look_interval_s=0.25,
)
PLAIN = Contender(
    "plain Celery pipeline", "plain_celery", _paths, "bench.contenders.plain_celery", "celery", _uploaded
)
PLAIN_TOLD = replace(
    PLAIN, name="plain Celery pipeline, watched in Flower", app="bench.contenders.plain_celery_told"
)
SCRIPT = Contender(
    "script with threads",
    "thread_pool",
    lambda place, concurrency: [*_paths(place, concurrency), str(concurrency)],
    None,
    "",
    None,
)
OURS = Contender(
    "gong-ingest", "ours", _paths, "workers", "calls,media", lambda place: place.ledger.counts(BATCH).done
)
