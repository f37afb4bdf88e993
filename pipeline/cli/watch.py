"""The live view of a running backfill: a bar with rate and finishing time, or plain lines."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from pipeline.cli.session import Session
from pipeline.cli.status import gate_sentence
from pipeline.errors import CredentialsRefused, LedgerUnreachable, SettingsInvalid
from pipeline.fleet import LocalFleet
from pipeline.forecast import finish_in_s
from pipeline.job import Counts
from pipeline.waits import Waits, waits_of

LOOK_INTERVAL_S = 0.25
LINE_INTERVAL_S = 10.0
RATE_WINDOW_S = 10.0
# The server may be restarted or moved meanwhile; the workers wait for it, and so does who watches.
UNREACHABLE_MAX_S = 120.0


def requests_left(counts: Counts) -> int:
    """Say how many requests the jobs that wait still need, at most: two each, less the creates made.

    How many of the dead were created is not counted, so all of them are taken to be.
    """
    created = counts.created - counts.done - counts.dead - counts.cancelled
    return 2 * counts.waiting - max(0, created)


def silent_sentence(waits: Waits) -> str:
    """Say that a worker is gone, and when its jobs go on."""
    until = datetime.now().astimezone() + timedelta(seconds=waits.silent_s)
    one_or_more = "1 lease" if waits.silent == 1 else f"{waits.silent:,} leases"
    return f"waiting for {one_or_more} of a worker that is gone, until {until:%H:%M:%S}"


class View:
    """What is shown; subclasses say how."""

    def __init__(self, opened: Session) -> None:
        self._opened = opened
        self._seen: deque[tuple[float, Counts]] = deque()

    def line(self, counts: Counts) -> str:
        """Say in one line how fast it goes or why it does not go, what is waited for, and when it ends."""
        if stuck := self._opened.store.why_not_writable():
            return stuck
        limiter = self._opened.limiter
        gate, now = limiter.gate(), limiter.in_force()
        waits = waits_of(counts.batch, self._opened.store, lease_ttl_s=self._opened.ledger.lease_ttl_s)
        going = (
            f"{self._rate(counts):.2f} of {now.limits.requests_per_second:g} requests/s, {counts.dead} dead"
        )
        parts = [gate_sentence(gate) if gate else going]
        if waits.silent:
            parts.append(silent_sentence(waits))
        # Behind a gate that waits for a probe or a person nobody knows when it ends.
        if gate is None or gate.mode == "timed":
            rest_s = finish_in_s(
                requests_left(counts),
                pace=now.pace,
                requests_per_day=now.requests_per_day,
                used_today=limiter.use().today,
                closed_s=max(0.0, gate.until - limiter.clock()) if gate else 0.0,
            )
            parts.append(f"done {_when(max(rest_s, waits.due_s, waits.silent_s))}")
        return ", ".join(parts)

    def _rate(self, counts: Counts) -> float:
        """Requests a second over the last moments: between instants at which requests left."""
        now = time.monotonic()
        self._seen.append((now, counts))
        while now - self._seen[0][0] > RATE_WINDOW_S:
            self._seen.popleft()
        first = next((seen for _, seen in self._seen if seen.requests), counts)
        elapsed_s = counts.last_request_at - first.last_request_at
        return (counts.requests - first.requests) / elapsed_s if elapsed_s > 0 else 0.0


def _when(in_s: float) -> str:
    then = datetime.now().astimezone() + timedelta(seconds=in_s)
    if in_s < 20 * 3600:
        return f"at {then:%H:%M:%S}"
    return f"on {then:%A} {then.day} {then:%B} about {then:%H:%M}"


class LiveView(View):
    """A bar that moves, on a terminal, with a line below it."""

    def __init__(self, console: Console, opened: Session) -> None:
        super().__init__(opened)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
        )
        self._task = self._progress.add_task("recordings", total=None)
        # A reason may be long: on a line of its own it does not push the bar off the screen.
        self._line = Text("starting")
        self._live = Live(Group(self._progress, self._line), console=console, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._live.stop()

    def update(self, counts: Counts) -> None:
        """Show how the batch stands now."""
        self._progress.update(
            self._task,
            description=counts.batch,
            completed=counts.total - counts.waiting,
            total=counts.total,
        )
        self.say(self.line(counts))

    def say(self, sentence: str) -> None:
        """Show how it goes, or why it does not."""
        self._line.plain = sentence


class PlainView(View):
    """A line now and then, into a file or a pipe."""

    def __init__(self, console: Console, opened: Session) -> None:
        super().__init__(opened)
        self._console = console
        self._next_at = time.monotonic() + LINE_INTERVAL_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return

    def update(self, counts: Counts) -> None:
        """Write a line if it is time for one."""
        line = (
            f"{counts.batch}: {counts.total - counts.waiting:,} of {counts.total:,} done, {self.line(counts)}"
        )
        if time.monotonic() >= self._next_at:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
            self._next_at = time.monotonic() + LINE_INTERVAL_S

    def say(self, sentence: str) -> None:
        """Write why there is nothing new."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run began: the batch then, and the time on the server's clock."""

    counts: Counts
    at: float


def watch(
    opened: Session,
    start: Start,
    elsewhere: Sequence[str],
    start_workers: Callable[[], LocalFleet | None],
    console: Console,
) -> None:
    """Show how it goes until the batch, and the jobs it shares with others, are in a final state.

    Args:
        opened: The server.
        start: Where the run began.
        elsewhere: Ids of jobs of this manifest that an earlier batch has.
        start_workers: Starts this run's own workers, if it has any, and gives them.
        console: Where to show it.

    Raises:
        CredentialsRefused, SettingsInvalid: It cannot go on with these settings.
        WorkersFailed: The workers of this run do not stay up.
        LedgerUnreachable: The server was out of reach for `UNREACHABLE_MAX_S`.
    """
    view_type = LiveView if console.is_terminal else PlainView
    reached_at = time.monotonic()
    waiting = list(elsewhere)
    with view_type(console, opened) as view:
        while True:
            try:
                if _look(view, opened, start, waiting):
                    return
                reached_at = time.monotonic()
            except LedgerUnreachable as error:
                if time.monotonic() - reached_at > UNREACHABLE_MAX_S:
                    raise
                view.say(str(error))
                opened.revive()
            if fleet := start_workers():
                fleet.restart_fallen()
            time.sleep(LOOK_INTERVAL_S)


def _look(view: LiveView | PlainView, opened: Session, start: Start, elsewhere: list[str]) -> bool:
    """Show how it stands, and forget the jobs elsewhere that are final; tells whether it is at its end."""
    counts = opened.ledger.counts(start.counts.batch)
    if not counts.waiting:
        states = opened.ledger.states(elsewhere)
        elsewhere[:] = [
            each for each, state in zip(elsewhere, states, strict=True) if state and not state.is_final
        ]
        if not elsewhere:
            return True
    refuse_what_never_worked(opened, counts, start)
    view.update(counts)
    return False


def refuse_what_never_worked(opened: Session, counts: Counts, start: Start) -> None:
    """Give up when the gate says that the settings are wrong, and nothing has gone through with them.

    Raises:
        CredentialsRefused: The API does not take the credentials.
        SettingsInvalid: What answers is not the API.
    """
    gate = opened.limiter.gate()
    if gate is None or gate.confirmed < start.at:
        return
    if (counts.created, counts.uploaded) != (start.counts.created, start.counts.uploaded):
        return
    if gate.reason == "unauthorized":
        raise CredentialsRefused(
            f"{gate.detail}. Check GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET (or GONG_ACCESS_TOKEN) and the "
            "scope api:calls:create. Nothing was lost: run the same command again."
        )
    if gate.reason == "wrong_address":
        raise SettingsInvalid(f"{gate.detail}. Nothing was lost: run the same command again.")
