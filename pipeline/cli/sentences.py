"""What several commands say of batches, the gate and times, in the same words.

Names of batches, and whatever the API or an export said, are foreign text (`pipeline/printable.py`).
"""

from __future__ import annotations

from datetime import datetime

from pipeline.cli.choices import as_typed
from pipeline.job import Counts
from pipeline.ledger import Event, Fleet, UnderWay
from pipeline.limiter import ROLLING
from pipeline.overview import Finish, Obstacle, Overview, standing
from pipeline.printable import printable
from pipeline.waits import Waits

MINUTE_S = 60.0


def when(instant: float, now: float) -> str:
    """Say when an instant is, in the words and the time zone of a person here; in seconds since the epoch."""
    if instant - now < MINUTE_S:
        return "in less than a minute"
    then, today = (datetime.fromtimestamp(each).astimezone() for each in (instant, now))
    if then.date() == today.date():
        return f"today about {then:%H:%M}"
    year = f" {then.year}" if then.year != today.year else ""
    return f"on {then:%A} {then.day} {then:%B}{year} about {then:%H:%M}"


def outlook(counts: Counts, overview: Overview, *, brings_workers: bool = False) -> list[str]:
    """Say when a batch is done, what it waits for, and why.

    Args:
        counts: The batch.
        overview: In which it was seen.
        brings_workers: The one who watches starts workers of its own.
    """
    if not counts.waiting:
        return [str(standing(counts))]
    waits = overview.waits.get(counts.batch, Waits())
    told = [finish_sentence(overview.finish(counts), overview, brings_workers=brings_workers)]
    if waits.silent:
        told.insert(0, _silent_sentence(waits, overview.day.now))
    if waits.last_event:
        told.append(_put_off_sentence(waits, waits.last_event))
    return told


def finish_sentence(finish: Finish, overview: Overview, *, brings_workers: bool = False) -> str:
    """Say when a batch is done, or why nobody knows.

    Args:
        finish: The end.
        overview: In which it was seen.
        brings_workers: The one who watches starts workers of its own.
    """
    if finish.at is not None:
        return f"ends {when(finish.at, overview.day.now)}"
    if finish.obstacle is Obstacle.PAUSED:
        return "paused, nothing is sent for it"
    if finish.obstacle is Obstacle.GATE:
        return "no end is known while the gate is closed"
    if brings_workers:
        return "its workers are starting"
    return _no_worker(overview.fleet)


def _no_worker(fleet: Fleet) -> str:
    if not fleet.workers:
        return f"no worker is alive; start one with {as_typed('worker')}"
    queue = "media" if fleet.calls else "calls"
    return f"no worker for {queue} is alive; start one with {as_typed('worker')} --queue {queue}"


def _put_off_sentence(waits: Waits, last: Event) -> str:
    """Say how much is tried again later, and what was in the way."""
    until = datetime.fromtimestamp(last.until or 0.0).astimezone()
    why = printable(f"{last.code}: {last.message}")
    return f"{waits.put_off:,} put off, at most until {until:%Y-%m-%d %H:%M:%S}: {why}"


def _silent_sentence(waits: Waits, now: float) -> str:
    """Say that a worker is gone, and when its jobs go on."""
    until = datetime.fromtimestamp(now + waits.silent_s).astimezone()
    one_or_more = "1 lease" if waits.silent == 1 else f"{waits.silent:,} leases"
    return f"waiting for {one_or_more} of a worker that is gone, until {until:%H:%M:%S}"


def day_sentence(overview: Overview) -> str:
    """Say how much of the day's budget is used."""
    window = overview.limits.limits.day_window
    of_what = "in the last 24 h" if window == ROLLING else f"since midnight, {window}"
    return f"{overview.day.used:,} of {overview.limits.requests_per_day:,} requests {of_what}"


def webhook_sentence(overview: Overview) -> str:
    """Say what keeps events from the webhook, and what it missed; nothing while all is well."""
    standing, parts = overview.webhook, list[str]()
    if standing and standing.failing_since is not None:
        since = datetime.fromtimestamp(standing.failing_since).astimezone()
        parts.append(f"{standing.waiting:,} wait, it fails since {since:%Y-%m-%d %H:%M}: {standing.error}")
    if standing and standing.dropped:
        parts.append(f"{standing.dropped:,} were dropped before it took them")
    if standing and standing.given_up:
        parts.append(f"{standing.given_up:,} were given up: it refused them")
    return f"events for the webhook: {'; '.join(parts)}" if parts else ""


def rate_sentence(overview: Overview) -> str:
    """Say how fast requests leave, and how fast they may."""
    return f"{overview.rate:.2f} of {overview.limits.limits.requests_per_second:g} requests/s"


def upload_lines(overview: Overview) -> list[str]:
    """Say of each upload that takes its time which recording it is, and how far."""
    return [f"{printable(each.client_unique_id)}: uploading {_how_far(each)}" for each in overview.uploads]


def _how_far(upload: UnderWay) -> str:
    """Say how much of its media an upload has sent: `43 % of 512 MB`, never more than it is."""
    sent, size = upload.sent_bytes or 0, upload.size_bytes
    if not size:
        return f"{sent / 1e6:,.0f} MB"
    return f"{100 * sent // size} % of {size / 1e6:,.0f} MB"
