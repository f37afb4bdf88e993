"""`gong-ingest dead`: what needs a person, by reason."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.batches import chosen, command_on, say
from pipeline.cli.session import Session, session
from pipeline.errors import SettingsInvalid
from pipeline.job import Counts, DeadLetter
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.ledger import DeadReason

LIMIT, LIMIT_MAX = 20, 10_000


@click.command()
@click.argument("batch", required=False)
@click.option("--reason", default="", help="Only those that died of this code.")
@click.option("--list", "as_list", is_flag=True, help="Each of them, the newest first.")
@click.option(
    "--limit",
    type=click.IntRange(1, LIMIT_MAX),
    help=f"With --list: how many of a batch.  [default: {LIMIT}]",
)
@click.option("--json", "as_json", is_flag=True, help="On standard output: an object, or a line for each.")
def dead(batch: str | None, reason: str, as_list: bool, limit: int | None, as_json: bool) -> None:
    """Show the dead letters of BATCH, or of every batch, by reason with an example of each.

    \b
    Example:
      gong-ingest dead calls
      gong-ingest dead calls --list --reason media_missing --limit 100
    """
    if limit and not as_list:
        raise SettingsInvalid("--limit goes with --list.")
    with session(Settings.from_env()) as opened:
        found = [each for each in chosen(opened, batch, every=batch is None) if each.dead or each.rejected]
        if as_list:
            _list(opened, found, reason, most=limit or LIMIT, as_json=as_json)
            codes = {code for each in found for code in _reasons(opened, each)}
        else:
            codes = _group(opened, found, reason, as_json=as_json)
    if not codes:
        say("No recording is dead.")
    elif reason and reason not in codes:
        say(f"Nothing died of {reason!r}. Dead letters have the reasons: {', '.join(sorted(codes))}.")


def _list(opened: Session, found: list[Counts], reason: str, *, most: int, as_json: bool) -> None:
    for counts in found:
        letters = opened.control.dead_letters(counts.batch, most=most, code=reason)
        letters += opened.refused.letters(counts.batch, most=most, code=reason)
        for letter in sorted(letters, key=lambda each: -each.died_at)[:most]:
            click.echo(
                json.dumps(_document(counts.batch, letter)) if as_json else _line(counts.batch, letter)
            )


def _group(opened: Session, found: list[Counts], reason: str, *, as_json: bool) -> set[str]:
    """Write the dead letters by reason; gives all the reasons that there are."""
    documents: list[dict[str, Any]] = []
    codes: set[str] = set()
    for counts in found:
        reasons = _reasons(opened, counts)
        codes |= reasons.keys()
        groups = [each for each in reasons.values() if reason in {"", each.code}]
        dead = sum(each.count for each in reasons.values())
        if reasons:
            its_groups = [_group_document(counts.batch, each) for each in groups]
            documents.append({"batch": counts.batch, "dead": dead, "reasons": its_groups})
        if groups and not as_json:
            click.echo(f"{counts.batch}: {dead:,} dead")
            click.echo("\n".join(_paragraph(counts.batch, each) for each in groups))
    if as_json:
        click.echo(json.dumps({"batches": documents}))
    return codes


def _reasons(opened: Session, counts: Counts) -> dict[str, DeadReason]:
    """Group a batch's dead letters by code: jobs, and messages that could not become one."""
    reasons = {each.code: each for each in opened.control.dead_reasons(counts.batch)}
    for each in opened.refused.reasons(counts.batch) if counts.rejected else ():
        reasons[each.code] = reasons[each.code].joined(each) if each.code in reasons else each
    return reasons


def _paragraph(batch: str, group: DeadReason) -> str:
    from pipeline.ledger.refused import SUBMIT

    steps = ", ".join(f"{count:,} at {step}" for step, count in group.steps.items())
    lines = [f"  {group.count:,} {group.code} ({steps})", f"    such as {_line(batch, group.example)}"]
    if group.steps.keys() - {SUBMIT}:
        lines.append(f"    bring them back with: {command_on('retry', batch, '--reason', group.code)}")
    if SUBMIT in group.steps:
        lines.append(
            f"    refused; let them be sent again, or check them anew: {command_on('requeue', batch)}"
        )
    return "\n".join(lines)


def _line(batch: str, letter: DeadLetter) -> str:
    died_at = datetime.fromtimestamp(letter.died_at).astimezone()
    request = f" (requestId {letter.request_id})" if letter.request_id else ""
    return (
        f"{died_at:%Y-%m-%d %H:%M:%S} {batch} {letter.client_unique_id or '(no clientUniqueId)'}: "
        f"{letter.code} at {letter.step}: {letter.message}{request}"
    )


def _group_document(batch: str, group: DeadReason) -> dict[str, Any]:
    return {
        "code": group.code,
        "count": group.count,
        "steps": dict(group.steps),
        "example": _document(batch, group.example),
    }


def _document(batch: str, letter: DeadLetter) -> dict[str, Any]:
    died_at = datetime.fromtimestamp(letter.died_at, UTC).isoformat(timespec="milliseconds")
    # A message that could not become a job has none, and may have no clientUniqueId.
    ids = {"job_id": letter.job_id or None, "client_unique_id": letter.client_unique_id or None}
    return {"batch": batch} | dataclasses.asdict(letter) | ids | {"died_at": died_at}
