"""The application of `workers.celery`, with processes that kill themselves at planned points, once each.

A plan in the folder CHAOS_FOLDER names the moment for each clientUniqueId: before or after a point
(`points.py`). A file marks that it happened. Nothing of this is known to the code that it kills.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.gong import GongClient
from pipeline.job import Held, Lane, Step, StepMessage, job_id_of
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from tests.chaos.points import marker_of, plan_of
from workers.celery import app

__all__ = ["app"]

FOLDER = Path(os.environ["CHAOS_FOLDER"])
_publish = Ledger.publish


@functools.cache
def _plan() -> dict[str, str]:
    planned: dict[str, str] = json.loads(plan_of(FOLDER).read_text("utf-8"))
    return {job_id_of(client_unique_id): point for client_unique_id, point in planned.items()}


@contextmanager
def _fatal_at(moment: str, job_ids: Sequence[str]) -> Iterator[None]:
    """Die behind the body if the moment is planned for one of these jobs.

    A worker that dies takes its children with it. So no other process dies while the body runs: what it
    recorded is not recorded again, and the moment behind it would never be met.
    """
    if moment not in {_plan().get(job_id) for job_id in job_ids}:
        yield
        return
    with (FOLDER / "dying").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield
        try:
            marker_of(FOLDER, moment).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def _wrap(owner: Any, name: str, where: Callable[..., tuple[str, str]]) -> None:
    """Let a function be fatal before and after its work; `where` gives the point and the job's id."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def fatal(*args: Any, **kwargs: Any) -> Any:
        point, job_id = where(*args, **kwargs)
        with _fatal_at(f"before {point}", [job_id]):
            pass
        with _fatal_at(f"after {point}", [job_id]):
            return original(*args, **kwargs)

    setattr(owner, name, fatal)


def _at_begin(_ledger: Ledger, job_id: str, _token: int, step: Step, **_run: str) -> tuple[str, str]:
    return f"begin_step {step}", job_id


def _at_create(_client: GongClient, body: str, **_: Any) -> tuple[str, str]:
    return f"request {Step.CREATE_CALL}", job_id_of(json.loads(body)["clientUniqueId"])


def _at_upload(_client: GongClient, _call: str, _stream: Any, *, file_name: str, **_: Any) -> tuple[str, str]:
    return f"request {Step.UPLOAD_MEDIA}", job_id_of(Path(file_name).stem)


def _at_write(name: str, *, of_step: bool) -> Callable[..., tuple[str, str]]:
    def where(_ledger: Ledger, held: Held, *_args: Any, **_kwargs: Any) -> tuple[str, str]:
        return (f"{name} {held.step}" if of_step else name), held.job_id

    return where


def _at_acquire(_limiter: Limiter, _lane: Lane, *, held: Held, **_: Any) -> tuple[str, str]:
    return f"acquire {held.step}", held.job_id


def _fatal_publish(ledger: Ledger, messages: Sequence[StepMessage]) -> None:
    """Publish what was claimed together, and die before or after for whichever of it that is planned."""
    published = [json.loads(json.loads(message.text)["body"])[1]["job_id"] for message in messages]
    with _fatal_at("before publish", published):
        pass
    with _fatal_at("after publish", published):
        _publish(ledger, messages)


_wrap(Ledger, "begin_step", _at_begin)
_wrap(Limiter, "acquire", _at_acquire)
_wrap(Ledger, "record_step", _at_write("record_step", of_step=True))
_wrap(Ledger, "postpone", _at_write("postpone", of_step=False))
_wrap(Ledger, "bury", _at_write("bury", of_step=False))
_wrap(GongClient, "create_call", _at_create)
_wrap(GongClient, "upload_media", _at_upload)
setattr(Ledger, "publish", _fatal_publish)  # noqa: B010 - mypy refuses to assign to a method
