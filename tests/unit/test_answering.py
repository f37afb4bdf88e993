"""What is answered when the ledger is lost between two of the recordings that came together."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

import pytest

from pipeline.answering import answers_to
from pipeline.client import Answer, LaneName, Pipeline
from pipeline.errors import LedgerUnreachable
from pipeline.job import Lane, Receipt, State, job_id_of
from pipeline.manifest.arriving import arriving_lines
from tests.recordings import make_call


class LosesItsLedger:
    """Writes the first recording and no other."""

    def enqueue_many(
        self, recordings: Iterable[Mapping[str, Any]], *, lane: LaneName, batch: str | None
    ) -> list[Answer]:
        first = next(iter(recordings))["call"]["clientUniqueId"]
        error = LedgerUnreachable(f"It is gone, {lane} {batch} or not.")
        error.answers = (Receipt(job_id_of(first), "new", State.PENDING, "live"),)
        raise error


def test_what_was_written_is_answered_before_the_command_ends() -> None:
    good = [json.dumps({"call": make_call(f"pbx-{number}"), "media": "a.wav"}) for number in (1, 3)]
    (lines,) = arriving_lines(io.BytesIO("\n".join([good[0], "{", good[1], "{", ""]).encode()))
    answers = answers_to(lines, cast("Pipeline", LosesItsLedger()), lane=Lane.LIVE)

    told = [next(answers), next(answers)]

    assert [(each["line"], each["result"]) for each in told] == [(1, "new"), (2, "refused")]
    with pytest.raises(LedgerUnreachable):
        next(answers)
