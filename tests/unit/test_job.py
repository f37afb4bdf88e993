"""Jobs: their ids, what they carry, and the steps that are left."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.job import RECORDED, Counts, State, Step, Submission, job_id_of, steps_left
from pipeline.payload import Payload


def test_an_id_is_a_hash_of_the_name_that_never_changes() -> None:
    assert job_id_of("call-1") == "5d7963c4f471e142f5a72214"
    assert job_id_of("ünï 通話") == job_id_of("ünï 通話")


@given(st.text(), st.text())
def test_ids_have_one_form_and_differ_as_the_names_do(one: str, other: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{24}", job_id_of(one))
    assert (job_id_of(one) == job_id_of(other)) == (one == other)


def test_a_submission_makes_the_job_of_its_name() -> None:
    assert Submission("a", Payload("{}", None), "hash").job_id == job_id_of("a")


@pytest.mark.parametrize(
    ("recorded", "with_media", "without_media"),
    [
        ("", tuple(Step), (Step.VALIDATE, Step.CREATE_CALL)),
        ("validated", (Step.CREATE_CALL, Step.UPLOAD_MEDIA), (Step.CREATE_CALL,)),
        ("created", (Step.UPLOAD_MEDIA,), ()),
        ("uploaded", (), None),
    ],
)
def test_a_chain_goes_on_behind_the_last_step_recorded(
    recorded: str, with_media: tuple[Step, ...], without_media: tuple[Step, ...] | None
) -> None:
    assert steps_left(recorded, has_media=True) == with_media
    if without_media is not None:
        assert steps_left(recorded, has_media=False) == without_media


@pytest.mark.parametrize("has_media", [True, False])
def test_steps_are_done_one_after_another_to_the_end(has_media: bool) -> None:
    recorded, done = "", []
    while steps := steps_left(recorded, has_media=has_media):
        done.append(steps[0])
        recorded = RECORDED[steps[0]]

    assert done == list(Step)[: 3 if has_media else 2]


def test_every_step_is_recorded_under_a_name_of_its_own() -> None:
    assert RECORDED.keys() == set(Step)
    assert len(set(RECORDED.values())) == len(Step)


def test_only_what_waits_for_nobody_is_final() -> None:
    assert {state for state in State if not state.is_final} == {State.PENDING, State.ACTIVE}


def test_counts_are_read_in_their_units_and_what_is_unknown_is_left_out() -> None:
    counts = Counts.from_fields(
        "b", {"pending": "2", "done": "3", "created_at": "1500", "of_a_newer_version": "x"}
    )

    assert counts == Counts("b", pending=2, done=3, created_at=1.5)
    assert (counts.total, counts.waiting) == (5, 2)
