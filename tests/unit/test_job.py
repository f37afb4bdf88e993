"""Jobs: their ids, what they carry, and the steps that are left."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.job import RECORDED, Counts, Payload, State, Step, Submission, job_id_of, steps_left

PROPERTY = settings(derandomize=True, deadline=None, database=None)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CALLS = st.dictionaries(st.text(), JSON_VALUES, max_size=4).map(lambda call: call | {"clientUniqueId": "a"})


def reordered(value: Any) -> Any:
    """Turn the order of every object's fields around."""
    if isinstance(value, dict):
        return {key: reordered(each) for key, each in reversed(value.items())}
    return [reordered(each) for each in value] if isinstance(value, list) else value


def test_an_id_is_a_hash_of_the_name_that_never_changes() -> None:
    assert job_id_of("call-1") == "5d7963c4f471e142f5a72214"
    assert job_id_of("ünï 通話") == job_id_of("ünï 通話")


@PROPERTY
@given(st.text(), st.text())
def test_ids_have_one_form_and_differ_as_the_names_do(one: str, other: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{24}", job_id_of(one))
    assert (job_id_of(one) == job_id_of(other)) == (one == other)


def test_a_submission_makes_the_job_of_its_name() -> None:
    assert Submission("a", Payload("{}", None)).job_id == job_id_of("a")


@PROPERTY
@given(body=st.text(), media=st.none() | st.text())
def test_a_payload_comes_back_as_it_was_written(body: str, media: str | None) -> None:
    payload = Payload(body, media)

    assert Payload.is_known(payload.encode())
    assert Payload.decode(payload.encode()) == payload


@pytest.mark.parametrize("text", ["", "2\nnull\n{}", "1 \nnull\n{}", "nonsense"])
def test_a_payload_of_another_version_is_refused(text: str) -> None:
    assert not Payload.is_known(text)
    with pytest.raises(ValueError, match="version"):
        Payload.decode(text)


@PROPERTY
@given(call=CALLS, media=st.none() | st.text())
def test_the_content_is_the_same_whatever_the_order_of_the_fields(
    call: dict[str, Any], media: str | None
) -> None:
    one = Payload(json.dumps(call), media)
    other = Payload(json.dumps(reordered(call), indent=1), media)

    assert one.content_hash == other.content_hash
    assert re.fullmatch(r"[0-9a-f]{16}", one.content_hash)


@PROPERTY
@given(call=CALLS, other_call=CALLS, media=st.none() | st.text(), other_media=st.none() | st.text())
def test_another_content_has_another_hash(
    call: dict[str, Any], other_call: dict[str, Any], media: str | None, other_media: str | None
) -> None:
    one, other = Payload(json.dumps(call), media), Payload(json.dumps(other_call), other_media)

    is_same = json.dumps([call, media], sort_keys=True) == json.dumps(
        [other_call, other_media], sort_keys=True
    )
    assert (one.content_hash == other.content_hash) == is_same


def test_the_name_of_a_call_is_read_out_of_its_body() -> None:
    assert Payload('{"title": "x", "clientUniqueId": "a-1"}', None).client_unique_id == "a-1"


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
