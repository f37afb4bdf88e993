"""Looking on: until a batch is at its end, or until somebody has seen enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from rich.console import Console

from pipeline.cli.session import Session
from pipeline.cli.watch.scene import Scene
from pipeline.cli.watch.view import View, view_on
from pipeline.errors import CredentialsRefused, LedgerUnreachable, SettingsInvalid
from pipeline.fleet import LocalFleet
from pipeline.job import Counts
from pipeline.ledger import LOOK_UP_BUNDLE, Ledger
from pipeline.limiter import Limiter
from pipeline.overview import Observer, Overview
from pipeline.store import Store

LOOK_INTERVAL_S = 0.5
# The server may be restarted or moved meanwhile; the workers wait for it, and so does who watches.
UNREACHABLE_MAX_S = 120.0
# Who watches says at once that the server is gone, instead of asking on for long.
RETRIES = 1
ANSWER_WITHIN_S = 5.0
LETTERS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run began: the batch then, and the time on the server's clock."""

    counts: Counts
    at: float


@contextmanager
def observer(opened: Session) -> Iterator[Observer]:
    """Look over a connection of its own: one that does not wait for long."""
    settings = opened.settings
    store = Store.from_settings(settings, retries=RETRIES, answer_within_s=ANSWER_WITHIN_S)
    try:
        yield Observer(store, Ledger.from_settings(settings, store), Limiter.from_settings(settings, store))
    finally:
        store.close()


def watch_backfill(
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
    reached_at = time.monotonic()
    waiting = list(elsewhere)
    scene = Scene()
    with observer(opened) as looking, view_on(console, whole=False) as view:
        while True:
            try:
                with _reviving(opened):
                    scene, counts = _scene_of(looking, start.counts.batch, brings_workers=opened.is_embedded)
                view.show(scene)
                if is_final(counts, looking.ledger, waiting):
                    return
                refuse_what_never_worked(scene.overview, counts, start)
                reached_at = time.monotonic()
            except LedgerUnreachable as error:
                if time.monotonic() - reached_at > UNREACHABLE_MAX_S:
                    raise
                view.show(replace(scene, note=str(error), is_old=True))
            if fleet := start_workers():
                fleet.restart_fallen()
            time.sleep(LOOK_INTERVAL_S)


@contextmanager
def _reviving(opened: Session) -> Iterator[None]:
    """Start an embedded server that fell again; why it cannot be started is told before that it is away."""
    try:
        yield
    except LedgerUnreachable:
        opened.revive()
        raise


def _scene_of(looking: Observer, batch: str, *, brings_workers: bool) -> tuple[Scene, Counts]:
    """See the batch that the command was called for, and then the others that are not finished."""
    overview = looking.look(batch=batch, letters=LETTERS_SHOWN)
    own = next((each for each in overview.batches if each.batch == batch), Counts(batch))
    others = [each for each in overview.batches if each.waiting and each.batch != batch]
    # It has no job of its own if an earlier batch has all of them.
    batches = [own, *others] if own.total or not others else others
    note = looking.store.why_not_writable() or ""
    return Scene(overview, batches, note, brings_workers=brings_workers), own


def is_final(counts: Counts, ledger: Ledger, elsewhere: list[str]) -> bool:
    """Tell whether nothing waits any more, and forget the jobs elsewhere that are final.

    There may be a million of them: no more are asked for than it takes to find one that waits.
    """
    while elsewhere and not counts.waiting:
        bundle = elsewhere[-LOOK_UP_BUNDLE:]
        states = ledger.states(bundle)
        waiting = [each for each, state in zip(bundle, states, strict=True) if state and not state.is_final]
        elsewhere[-LOOK_UP_BUNDLE:] = waiting
        if waiting:
            return False
    return not counts.waiting


def refuse_what_never_worked(overview: Overview | None, counts: Counts, start: Start) -> None:
    """Give up when the gate says that the settings are wrong, and nothing has gone through with them.

    Raises:
        CredentialsRefused: The API does not take the credentials.
        SettingsInvalid: What answers is not the API.
    """
    gate = overview.gate if overview else None
    if gate is None or gate.confirmed < start.at:
        return
    if (counts.created, counts.uploaded) != (start.counts.created, start.counts.uploaded):
        return
    if gate.reason == "unauthorized":
        raise CredentialsRefused(
            f"{gate.detail.removesuffix('.')}. {_what_to_check(gate.detail)}"
            "Nothing was lost: run the same command again."
        )
    if gate.reason == "wrong_address":
        raise SettingsInvalid(f"{gate.detail}. Nothing was lost: run the same command again.")


def _what_to_check(detail: str) -> str:
    """Say what may be wrong with a key; what is wrong with OAuth tokens is told with what to do."""
    if "OAuth" in detail:
        return ""
    key = "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET (or GONG_ACCESS_TOKEN)"
    return f"Check {key} and the scope api:calls:create. "


def watch_status(opened: Session, batch: str | None, view: View, *, reasons: bool = False) -> Scene:
    """Show how a batch goes until it is at its end, or how all go that are not, until Ctrl-C.

    It waits for a server that is out of reach, however long.

    Returns:
        What was shown last.
    """
    scene = Scene()
    with observer(opened) as looking, view, suppress(KeyboardInterrupt):
        while scene.overview is None or batch is None or any(each.waiting for each in scene.batches):
            try:
                with _reviving(opened):
                    scene = _scene_of_all(looking, batch, reasons=reasons)
                view.show(scene)
            except LedgerUnreachable as error:
                view.show(replace(scene, note=str(error), is_old=True))
            time.sleep(LOOK_INTERVAL_S)
    return scene


def _scene_of_all(looking: Observer, batch: str | None, *, reasons: bool) -> Scene:
    overview = looking.look(batch=batch, letters=LETTERS_SHOWN, reasons=reasons)
    if batch:
        shown = [each for each in overview.batches if each.batch == batch]
    else:
        shown = [each for each in overview.batches if each.waiting]
    return Scene(overview, shown, looking.store.why_not_writable() or "")
