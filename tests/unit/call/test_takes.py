"""The short way to a call that is right: it takes what the schema's own `load` takes, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.call.schema import CALL_SCHEMA
from pipeline.call.takes import taker_of
from tests.unit.call.calls import Json, make_call, make_party
from tests.unit.call.generated import JSON_VALUES, TEXTS, calls

takes = taker_of(CALL_SCHEMA)


@st.composite
def changed_calls(draw: st.DrawFn) -> dict[str, Json]:
    """A call that is right, but for what was put somewhere within it."""
    call: dict[str, Json] = copy.deepcopy(draw(calls()))
    node: Any = call
    while node and draw(st.booleans()):
        place = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if not isinstance(node[place], dict | list):
            break
        node = node[place]
    if isinstance(node, dict):
        node[draw(st.sampled_from([*sorted(node), "title"]) | TEXTS)] = draw(JSON_VALUES | TEXTS)
    else:
        node.append(draw(JSON_VALUES | TEXTS))
    return call


@settings(derandomize=True, deadline=None, database=None, max_examples=500)
@given(changed_calls() | calls())
def test_it_takes_what_load_takes(call: dict[str, Json]) -> None:
    assert takes(call) is not bool(CALL_SCHEMA.validate(call))


@pytest.mark.parametrize(
    "call",
    [
        make_call(unknown="x"),
        make_call(title=None),
        make_call(parties=[]),
        make_call(parties=[None]),
        make_call(parties={}),
        make_call(parties=[make_party(mediaChannelId=True)]),
        make_call(flowContext=None),
        make_call(flowContext={"taskId": 1}),
        make_call(speakersTimeline={"speechSegments": [{"fromTime": 1}]}),
        {},
    ],
    ids=str,
)
def test_what_is_not_right_is_not_taken(call: dict[str, Json]) -> None:
    assert not takes(call)
    assert CALL_SCHEMA.validate(call)


def test_the_call_is_left_as_it_is() -> None:
    call = make_call()

    assert takes(call)
    assert call == make_call()
