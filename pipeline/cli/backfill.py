"""`gong-ingest backfill`: the recordings of a manifest end up in Gong.

Reads the manifest as a stream into the ledger and, unless told otherwise, waits until its recordings are
done. Without a configured server it brings its own, and workers with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console

from pipeline.cli import ExitCode
from pipeline.cli.reading import left_out, reading_of, reading_options
from pipeline.cli.session import Session, session
from pipeline.cli.summary import Summary, print_summary
from pipeline.cli.watch import Start, watch
from pipeline.cli.worker import local_fleet
from pipeline.errors import LedgerUnreachable, MediaUnavailable, RequestFailed, SettingsInvalid
from pipeline.fleet import LocalFleet
from pipeline.gong import GongClient
from pipeline.job import Counts
from pipeline.manifest import Form, RejectedRow, Row, read_manifest
from pipeline.media import probe
from pipeline.producer import Handed, Producer
from pipeline.settings import Settings

STANDARD_INPUT = Path("-")
BATCH_NAME_MAX_CHARACTERS = 100


@dataclass(slots=True)
class Tally:
    """What became of the manifest's rows when they were handed in.

    Attributes:
        elsewhere: Ids of jobs that an earlier batch has already.
    """

    total: int = 0
    submitted: int = 0
    known: int = 0
    rejected: int = 0
    elsewhere: list[str] = field(default_factory=list)


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--batch", help="Name of the batch; the manifest's own name when left out.")
@click.option(
    "--media-root",
    type=click.Path(path_type=Path),
    help="Folder of the media; GONG_INGEST_MEDIA_ROOTS or the manifest's folder when left out.",
)
@reading_options
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until everything is done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output at the end.")
def backfill(
    manifest: Path,
    batch: str | None,
    media_root: Path | None,
    form: Form | None,
    map_path: Path | None,
    encoding: str | None,
    delimiter: str | None,
    wait: bool,
    as_json: bool,
) -> int:
    """Bring the recordings of MANIFEST into Gong; `-` reads standard input.

    MANIFEST is JSON lines or CSV, compressed with gzip or Zstandard or not; with --map it is whatever another
    system exports. Run it again as often as you like: what is known is not sent again, and
    what was interrupted goes on.

    \b
    Example:
      gong-ingest backfill calls.jsonl --media-root ./recordings
    A line of calls.jsonl:
      {"call": {"clientUniqueId": "pbx-1", "actualStart": "2026-02-17T02:30:00-08:00", "direction": "Inbound",
       "primaryUser": "234599484848423", "parties": [{"userId": "234599484848423"}]}, "media": "1.wav"}
    The first lines of calls.csv:
      clientUniqueId,actualStart,direction,primaryUser,parties.0.userId,media
      pbx-1,2026-02-17T02:30:00-08:00,Inbound,234599484848423,234599484848423,1.wav
    """
    roots = _media_roots(manifest, media_root)
    settings = Settings.from_env(**({"media_roots": roots} if roots else {}))
    run = Run(manifest, batch or _batch_name(manifest), settings, Console(stderr=True))
    reading = reading_of(form, map_path, encoding, delimiter)
    rows = read_manifest(manifest, check_media=run.media_check(), reading=reading)
    if run.brings_workers:
        _reach(settings)
    code = run.go(rows, wait=wait, as_json=as_json)
    if sentence := left_out(reading):
        run.console.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)
    return code


@dataclass(slots=True)
class Run:
    """One run of the command."""

    manifest: Path
    batch: str
    settings: Settings
    console: Console
    tally: Tally = field(default_factory=Tally)
    media_is_awaited: bool = False

    def __post_init__(self) -> None:
        if not self.batch.isprintable() or len(self.batch) > BATCH_NAME_MAX_CHARACTERS:
            raise SettingsInvalid(
                f"The batch's name must be printable, of at most {BATCH_NAME_MAX_CHARACTERS} characters; "
                "give one with --batch."
            )

    @property
    def brings_workers(self) -> bool:
        """Tell whether this run has a server, and so workers, of its own."""
        return self.settings.redis_url is None

    def media_check(self) -> Callable[[str], None] | None:
        """Give the check of a row's media, or None where the media is not on this machine."""
        roots = self.settings.media_roots
        if not roots:
            return None
        for root in roots:
            if not root.is_dir():
                raise SettingsInvalid(
                    f"The media root {root} is not a folder; name the right one with --media-root."
                )

        def check(reference: str) -> None:
            try:
                probe(reference, roots)
            except MediaUnavailable as unavailable:
                self._say_once(f"{unavailable} Recordings wait until their media can be read.")
                raise

        return check

    def _say_once(self, sentence: str) -> None:
        """Say the first of what may be true of a million rows."""
        if not self.media_is_awaited:
            self.console.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)
        self.media_is_awaited = True

    def go(self, rows: Iterator[Row | RejectedRow], *, wait: bool, as_json: bool) -> int:
        """Hand the rows in, watch them being brought in, and say how it went."""
        with session(self.settings) as opened:
            began = time.monotonic()
            since = opened.limiter.clock()
            before = opened.ledger.counts(self.batch)
            stopped = False
            with self._workers(opened, wanted=wait) as start_workers:
                try:
                    self._hand_in(rows, opened, start_workers)
                    if wait:
                        watch(opened, Start(before, since), self.tally.elsewhere, start_workers, self.console)
                except KeyboardInterrupt:
                    stopped = True
                    self.console.print("Stopping: requests under way are finished first.")
            summary = self._summary(opened, before, since, time.monotonic() - began)
            if as_json:
                click.echo(json.dumps(summary.document()))
            print_summary(self.console, summary, opened, stopped=stopped, waited=wait)
            return self._exit_code(summary, stopped=stopped, waited=wait)

    @contextmanager
    def _workers(self, opened: Session, *, wanted: bool) -> Iterator[Callable[[], LocalFleet | None]]:
        """Give what starts this run's own workers when there is something to do, and stop them at the end."""
        fleet = local_fleet(opened, own_log=True)

        def start() -> LocalFleet | None:
            if not (wanted and self.brings_workers):
                return None
            if not fleet.is_running:
                opened.limiter.probe_now()
                fleet.start()
            return fleet

        try:
            yield start
        finally:
            fleet.stop()

    def _hand_in(
        self,
        rows: Iterator[Row | RejectedRow],
        opened: Session,
        start_workers: Callable[[], LocalFleet | None],
    ) -> None:
        handed_in = Producer(opened.ledger, batch=self.batch).backfill(rows)
        with self.console.status("Reading the manifest …") as status:
            try:
                for handed in handed_in:
                    self._take(handed, start_workers)
                    if self.tally.total % 100 == 0:
                        status.update(f"Reading the manifest … {self.tally.total:,} rows")
            except LedgerUnreachable as error:
                raise LedgerUnreachable(
                    f"{error} The first {self.tally.total:,} rows are handed in, of those after "
                    "them it is not certain. Run the same command again: nothing is handed in twice."
                ) from error

    def _take(self, handed: Handed | RejectedRow, start_workers: Callable[[], LocalFleet | None]) -> None:
        self.tally.total += 1
        if isinstance(handed, RejectedRow):
            self._reject(handed)
            return
        self._count(handed)
        if not handed.receipt.state.is_final:
            start_workers()

    def _count(self, handed: Handed) -> None:
        if handed.receipt.result == "new":
            self.tally.submitted += 1
            return
        self.tally.known += 1
        if handed.receipt.batch != self.batch:
            self.tally.elsewhere.append(handed.receipt.job_id)

    def _reject(self, row: RejectedRow) -> None:
        self.tally.rejected += 1
        self.console.print(
            f"{self.manifest}:{row.line}: {row.reason}",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def _summary(self, opened: Session, before: Counts, since: float, seconds: float) -> Summary:
        return Summary(
            counts=opened.ledger.counts(self.batch),
            before=before,
            total=self.tally.total,
            submitted=self.tally.submitted,
            known=self.tally.known,
            rejected=self.tally.rejected,
            elsewhere=opened.ledger.states(self.tally.elsewhere),
            use=opened.limiter.use(since=since),
            seconds=seconds,
        )

    def _exit_code(self, summary: Summary, *, stopped: bool, waited: bool) -> int:
        if stopped or (waited and summary.waiting):
            return ExitCode.STOPPED
        return ExitCode.SOME_FAILED if summary.rejected or summary.dead else ExitCode.DONE


def _media_roots(manifest: Path, media_root: Path | None) -> tuple[Path, ...]:
    """Give the roots named on the command line, or, where nothing else is set, the manifest's own folder."""
    if media_root:
        return (media_root.absolute(),)
    settings = Settings.from_env()
    if settings.media_roots or settings.redis_url:
        return settings.media_roots
    return (Path.cwd() if manifest == STANDARD_INPUT else manifest.absolute().parent,)


def _batch_name(manifest: Path) -> str:
    return "stdin" if manifest == STANDARD_INPUT else manifest.stem


def _reach(settings: Settings) -> None:
    """Open a connection to the API, so that a wrong address is told before any work; sends no request."""
    client = GongClient.from_settings(settings)
    try:
        client.connect()
    except RequestFailed as failed:
        raise SettingsInvalid(str(failed)) from failed
    finally:
        client.close()
