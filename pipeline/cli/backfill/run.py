"""One run of `backfill`: a manifest is checked, handed in, and waited for.

The manifest is read as a stream into the ledger. Without a configured server the run brings its own, and
workers with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

import click
from rich.console import Console

from pipeline import interrupts
from pipeline.authorization import reach
from pipeline.cli import ExitCode
from pipeline.cli.backfill.done import with_those_done
from pipeline.cli.backfill.identity import ManifestFile, is_another, name_of_replay
from pipeline.cli.backfill.kept import is_read_once, kept_input
from pipeline.cli.backfill.media import MediaLook
from pipeline.cli.backfill.rejected import RejectedRows, command_of, requeue_of
from pipeline.cli.backfill.tally import Tally, say
from pipeline.cli.backfill.wanted import Wanted
from pipeline.cli.backfill.workers import own_workers
from pipeline.cli.preflight.before import Before, check_before
from pipeline.cli.reading import left_out
from pipeline.cli.roots import (
    access_for,
    links_for,
    refuse_what_is_no_folder,
    roots_of,
    settings_for,
)
from pipeline.cli.session import Session, session
from pipeline.cli.summary import Summary, print_summary
from pipeline.cli.watch import Start, watch_backfill
from pipeline.cli.worker import require_webhook
from pipeline.errors import LedgerUnreachable, SettingsInvalid
from pipeline.fleet import LocalFleet
from pipeline.job import BATCH_NAME_MAX_CHARACTERS, Counts, is_batch_name
from pipeline.ledger import KnownManifest, Manifests
from pipeline.manifest import Manifest, RejectedRow, read_manifest
from pipeline.manifest.rejected.file import RejectedFile, own_name
from pipeline.preflight import Corrected
from pipeline.producer import Producer, Source
from pipeline.settings import Settings


def run_backfill(wanted: Wanted) -> int:
    """Bring the recordings of a manifest in; gives the exit code.

    Raises:
        IngestError: It cannot begin, or cannot go on.
    """
    # A place such as calls.csv:100: must not become a picture.
    console = Console(stderr=True, emoji=False)
    with ExitStack() as stack:
        if wanted.is_checked and is_read_once(wanted.manifest):
            kept = stack.enter_context(kept_input(wanted.manifest, wanted.reading, console))
            wanted = replace(wanted, reading=kept)
        settings = settings_for(wanted.manifest, wanted.media_root)
        refuse_what_is_no_folder(settings, wanted.manifest)
        run = Run(wanted, settings, console)
        if run.brings_workers:
            reach(settings)
            require_webhook(settings)
        code = run.go()
        if sentence := left_out(wanted.reading):
            say(console, sentence, style="yellow")
        return code


@dataclass(slots=True)
class Run:
    """One run of the command.

    Attributes:
        before: What was found before anything is handed in.
        manifest: Opened, its first row read: what is wrong with the whole is raised here.
        name: By which the batch knows the manifest.
    """

    wanted: Wanted
    settings: Settings
    console: Console
    before: Before = field(default_factory=Before)
    manifest: Manifest = field(init=False)
    tally: Tally = field(init=False)
    name: str = field(init=False)
    _file: ManifestFile = field(init=False)
    _state: object = None

    def __post_init__(self) -> None:
        self._file = ManifestFile(self.wanted.manifest, self.wanted.reading)
        self._open()
        self.name = self._own_name

    def _open(self) -> None:
        """Open the manifest as it is now."""
        wanted, access = self.wanted, access_for(self.settings)
        self._state = self._file.state()
        self.manifest = read_manifest(
            wanted.manifest,
            check_media=MediaLook(access, self.console, tells=not wanted.is_checked) if access else None,
            reading=wanted.reading,
            is_right=self._is_right,
        )
        batch = wanted.batch or self._own_name
        if not is_batch_name(batch):
            raise SettingsInvalid(
                f"The batch's name must be printable, of at most {BATCH_NAME_MAX_CHARACTERS} characters; "
                "give one with --batch."
            )
        rejected_rows = RejectedRows(RejectedFile(self.manifest, wanted.rejected))
        self.tally = Tally(wanted.manifest, batch, self.console, rejected_rows)

    @property
    def _own_name(self) -> str:
        return own_name(self.wanted.manifest, is_replay=self.manifest.is_replay)

    def _is_right(self, line: int) -> bool:
        # What was written into the file since it was checked has to be looked at.
        return self.before.is_right(line) and self._file.state() == self._state

    @property
    def brings_workers(self) -> bool:
        """Tell whether this run has a server, and so workers, of its own."""
        return self.settings.redis_url is None

    def go(self) -> int:
        """Check the rows, hand them in, watch them being brought in, and say how it went."""
        wanted = self.wanted
        with session(self.settings) as opened:
            began = time.monotonic()
            since = checked_at = opened.limiter.clock()
            before = opened.ledger.counts(self.tally.batch)
            stopped = False
            with own_workers(
                opened, self.console, wanted=wanted.waits and self.brings_workers
            ) as start_workers:
                try:
                    manifests = Manifests(opened.store).of(self.tally.batch)
                    if self.manifest.is_replay:
                        self._know_own_name(manifests)
                    known = next((each for each in manifests if each.name == self.name), None)
                    self._look_at(known)
                    if wanted.is_checked:
                        self._check(opened, known)
                        # A rate is one of requests that bring recordings in.
                        checked_at = opened.limiter.clock()
                    if not self._is_refused:
                        self._hand_in(opened, start_workers)
                        if wanted.waits:
                            start = Start(before, since)
                            elsewhere = self.tally.elsewhere
                            watch_backfill(opened, start, elsewhere, start_workers, self.console)
                except KeyboardInterrupt:
                    interrupts.only_count()
                    stopped = True
                    self.console.print("Stopping: requests under way are finished first.")
                finally:
                    self.tally.rejected_rows.file.discard()
            summary = self._summary(opened, before, checked_at, time.monotonic() - began)
            if wanted.as_json:
                path = self.tally.rejected_rows.path
                click.echo(json.dumps(summary.document() | {"rejected_file": path and str(path)}))
            if not self._is_refused:
                print_summary(self.console, summary, opened, stopped=stopped, waited=wanted.waits)
            return self._exit_code(summary, stopped=stopped)

    @property
    def _is_refused(self) -> bool:
        """Tell whether a row is rejected where none may be."""
        return self.wanted.strict and bool(self.before.totals.rejected)

    def _check(self, opened: Session, known: KnownManifest | None) -> None:
        """Look at the whole manifest first."""
        wanted = self.wanted
        before = check_before(
            wanted.manifest,
            wanted.reading,
            opened,
            self.console,
            links=wanted.links,
            corrected=self._corrected(Manifests(opened.store), known),
        )
        if self._file.state() == self._state:
            self.before = self.tally.before = before
        elif wanted.strict:
            raise SettingsInvalid(f"{wanted.manifest} changed while it was checked; nothing was handed in.")
        else:
            now = "what stands there now is handed in, each row checked on its way"
            say(self.console, f"{wanted.manifest} changed while it was checked: {now}.", style="yellow")
            self.tally.rejected_rows.file.discard()
            self._open()
        if self._is_refused:
            self.tally.total, self.tally.rejected = before.totals.rows, before.totals.rejected
            say(self.console, "Nothing was handed in, as --strict says.", style="yellow")

    def _corrected(self, manifests: Manifests, known: KnownManifest | None) -> Corrected | None:
        """Give what knows how many rows of this manifest were corrected since it was handed in."""
        if known is None or self.manifest.is_replay:
            return None
        return partial(manifests.corrected, self.tally.batch, known)

    def _know_own_name(self, manifests: Sequence[KnownManifest]) -> None:
        """Find the name of the manifest in which rejected rows stand."""
        path, batch, own = self.wanted.manifest, self.tally.batch, self._own_name
        suffix = self.tally.rejected_rows.file.path.suffix
        self.name = name_of_replay(path, own, manifests, batch=batch, suffix=suffix)
        if self.name != own:
            only = f"the only manifest of the batch {batch}"
            say(self.console, f"The rows of {path} stand in {self.name}, {only}.")

    def _look_at(self, known: KnownManifest | None) -> None:
        """Tell of another manifest of this name that the batch knows, in whose place the rows would stand.

        Raises:
            SettingsInvalid: Nobody said that it is to be the same batch.
        """
        batch = self.tally.batch
        if known is None or not is_another(self._file, self._place, known):
            return
        if self.wanted.batch is None:
            raise SettingsInvalid(
                f"The batch {batch} is that of {known.place}. If {self.wanted.manifest} is another export, "
                f"give it a batch of its own with --batch; if it is the same, say so with --batch {batch}."
            )
        say(
            self.console,
            f"{self.wanted.manifest} goes on in the place of {known.place}, that the batch knows by the same "
            "name; another export needs another name.",
            style="yellow",
        )

    @property
    def _place(self) -> str:
        """Say where the manifest lies; '' of rows that stand in another one, and of what has no place."""
        return "" if self.manifest.is_replay else self._file.place()

    def _hand_in(self, opened: Session, start_workers: Callable[[], LocalFleet | None]) -> None:
        tally, source = self.tally, self._source()
        rows = with_those_done(self.manifest, opened.ledger.states)
        linkable = links_for(self.settings) if self.wanted.links else None
        manifests = Manifests(opened.store)
        producer = Producer(opened.ledger, manifests, batch=tally.batch, may_link=linkable)
        with self.console.status("Reading the manifest …") as status:
            try:
                for handed in producer.backfill(rows, source):
                    tally.take(handed)
                    if not isinstance(handed, RejectedRow) and not handed.receipt.state.is_final:
                        start_workers()
                    if tally.total % 100 == 0:
                        status.update(f"Reading the manifest … {tally.total:,} rows")
            except LedgerUnreachable as error:
                raise LedgerUnreachable(
                    f"{error} The first {tally.total:,} rows are handed in, of those after "
                    "them it is not certain. Run the same command again: nothing is handed in twice."
                ) from error
        tally.finish()
        if self._file.state() != self._state:
            what = "changed while it was handed in: run the same command again for what is new in it"
            say(self.console, f"{self.wanted.manifest} {what}.", style="yellow")
        self._say_where_rejected_rows_are()

    def _source(self) -> Source:
        roots = roots_of(self.settings) if self.brings_workers else ()
        return Source(self.name, self._file.fingerprint(), self.manifest.is_replay, roots, self._place)

    def _say_where_rejected_rows_are(self) -> None:
        rejected = self.tally.rejected_rows
        rejected.finish()
        wanted, path = self.wanted, rejected.file.path
        # Media is looked for beside the manifest; the file may be elsewhere.
        is_elsewhere = path.absolute().parent != wanted.manifest.absolute().parent
        beside = None if Settings.from_env().media_roots else next(iter(self.settings.media_roots), None)
        batch, links = self.tally.batch, wanted.links
        root = wanted.media_root or (beside if is_elsewhere else None)
        command = command_of(path, batch=batch, media_root=root, map_path=wanted.map_path, links=links)
        # Nobody names a manifest there, so nothing lies beside one.
        with_media = requeue_of(batch, media_root=wanted.media_root or beside, links=links)
        for sentence in rejected.sentences(command, with_media):
            say(self.console, sentence, style="yellow")

    def _summary(self, opened: Session, before: Counts, since: float, seconds: float) -> Summary:
        return Summary(
            counts=opened.ledger.counts(self.tally.batch),
            before=before,
            total=self.tally.total,
            is_whole=self.tally.is_whole,
            submitted=self.tally.submitted,
            updated=self.tally.updated,
            known=self.tally.known,
            rejected=self.tally.rejected,
            elsewhere=opened.ledger.states(self.tally.elsewhere),
            use=opened.limiter.use(since=since),
            seconds=seconds,
        )

    def _exit_code(self, summary: Summary, *, stopped: bool) -> int:
        if self._is_refused:
            return ExitCode.SOME_FAILED
        if stopped or (self.wanted.waits and summary.waiting):
            return ExitCode.STOPPED
        failed = summary.rejected or summary.dead or summary.cancelled
        return ExitCode.SOME_FAILED if failed else ExitCode.DONE
