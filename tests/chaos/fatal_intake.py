"""The application of `workers.celery`, with workers that kill themselves at the points of the intake.

At each moment, before and after each of its scripts, some workers die that have found messages. Files in the
folder CHAOS_FOLDER mark that it happened. Nothing of this is known to the code that it kills.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.job import Receipt, Submission
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.chaos.points import INTAKE_SCRIPTS, SUBMIT, marker_of
from workers.celery import app

__all__ = ["app"]

_run, _submit = Store.run, Ledger.submit


def _die(moment: str) -> None:
    for death in range(int(os.environ["CHAOS_DEATHS"])):
        try:
            marker_of(Path(os.environ["CHAOS_FOLDER"]), f"{moment} {death}").touch(exist_ok=False)
        except FileExistsError:
            continue
        os.kill(os.getpid(), signal.SIGKILL)


def _fatal_run(store: Store, name: str, *arguments: Any) -> Any:
    if name not in INTAKE_SCRIPTS or name == SUBMIT:
        return _run(store, name, *arguments)
    if name != "look_at_intake":
        _die(f"before {name}")
    answer = _run(store, name, *arguments)
    if name != "look_at_intake" or len(answer) > 1:
        _die(f"after {name}")
    return answer


def _fatal_submit(ledger: Ledger, submissions: Sequence[Submission], **where: Any) -> list[Receipt]:
    _die(f"before {SUBMIT}")
    receipts = _submit(ledger, submissions, **where)
    _die(f"after {SUBMIT}")
    return receipts


# mypy refuses to assign to a method
setattr(Store, "run", _fatal_run)  # noqa: B010
setattr(Ledger, "submit", _fatal_submit)  # noqa: B010
