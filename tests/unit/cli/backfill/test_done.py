"""Rows that only their media would keep out, though their recording is in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice

from pipeline.cli.backfill.done import with_those_done
from pipeline.errors import MediaRefused
from pipeline.job import State, job_id_of
from pipeline.ledger import SUBMIT_BUNDLE
from pipeline.manifest import RejectedRow, Row
from tests.unit.manifest.builders import jsonl, make_call, read


def refuse(reference: str) -> None:
    if reference.startswith("gone"):
        raise MediaRefused("media_missing", "The media is not there.")


class Ledger:
    """Knows how some jobs stand, and how often it was asked."""

    def __init__(self, **states: State) -> None:
        self._states = {job_id_of(own_id): state for own_id, state in states.items()}
        self.asked: list[int] = []

    def states(self, job_ids: Sequence[str]) -> list[State | None]:
        self.asked.append(len(job_ids))
        return [self._states.get(job_id) for job_id in job_ids]


def row(own_id: str, media: str, **overrides: object) -> dict[str, object]:
    return {"call": make_call(clientUniqueId=own_id, **overrides), "media": media}


def test_only_what_is_done_and_otherwise_right_needs_no_media() -> None:
    rows = [
        row("done", "gone.wav"),
        row("dead", "gone.wav"),
        row("new", "gone.wav"),
        row("done", "gone.wav", direction="Sideways"),
        row("other", "a.wav"),
    ]
    read_rows = read(jsonl(*rows), check_media=refuse)
    ledger = Ledger(done=State.DONE, dead=State.DEAD, other=State.DONE)

    right = list(with_those_done(read_rows, ledger.states))

    assert [type(each) for each in right] == [Row, RejectedRow, RejectedRow, RejectedRow, Row]
    assert right[0] == Row(1, make_call(clientUniqueId="done"), "gone.wav")
    assert isinstance(right[0], Row)
    assert json.loads(right[0].original) == rows[0]
    assert right[1:] == read_rows[1:]


def test_the_ledger_is_asked_once_for_many_rows_and_not_at_all_without_need() -> None:
    content = jsonl(*(row(f"pbx-{number}", "gone.wav") for number in range(SUBMIT_BUNDLE + 1)))
    ledger = Ledger()
    assert len(list(with_those_done(read(content, check_media=refuse), ledger.states))) == SUBMIT_BUNDLE + 1
    assert ledger.asked == [SUBMIT_BUNDLE, 1]

    ledger = Ledger()
    list(with_those_done(read(jsonl(row("pbx-1", "a.wav"), {})), ledger.states))
    assert ledger.asked == []


def test_no_more_rows_are_taken_than_are_handed_in_at_once() -> None:
    taken = 0

    def rows() -> Iterator[Row]:
        nonlocal taken
        while True:
            taken += 1
            yield Row(taken, make_call(), "a.wav")

    list(islice(with_those_done(rows(), Ledger().states), 3))

    assert taken == SUBMIT_BUNDLE
