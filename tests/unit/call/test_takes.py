"""The short way to a call that is right: it takes what the schema's own `load` takes, and nothing else.

What it does not look at, the characters of the texts, is seen in the body as it is written.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.call import WrittenNumber, checked_body, encode_call
from pipeline.call.body import is_sendable
from pipeline.call.schema import CALL_SCHEMA
from pipeline.call.takes import taker_of
from tests.unit.call.calls import Json, make_call, make_party, problems_of
from tests.unit.call.generated import JSON_VALUES, ODD_TEXTS, TEXTS, calls

takes = taker_of(CALL_SCHEMA)

# What Python takes for a number, a text, a list or an object, and JSON would not have given.
ODD_VALUES: st.SearchStrategy[Json] = st.sampled_from(
    [
        WrittenNumber("1.50"),
        WrittenNumber("-1.0"),
        float("nan"),
        float("inf"),
        10**400,
        True,
        0,
        (),
        ({},),
        None,
        {1: 2},
    ]
)
VALUES = JSON_VALUES | TEXTS | ODD_TEXTS | ODD_VALUES


def is_taken(call: dict[str, Json]) -> bool:
    return takes(call) and is_sendable(encode_call(call))


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
        node[draw(st.sampled_from([*sorted(node), "title"]) | TEXTS | ODD_TEXTS)] = draw(VALUES)
    else:
        node.append(draw(VALUES))
    return call


@settings(max_examples=400)
@given(changed_calls())
def test_what_is_taken_is_what_load_takes(call: dict[str, Json]) -> None:
    assert not (is_taken(call) and CALL_SCHEMA.validate(call))


@given(calls())
def test_a_call_of_the_document_is_taken(call: dict[str, Json]) -> None:
    assert takes(call)


@settings(max_examples=300)
@given(changed_calls() | calls())
def test_a_call_is_refused_or_written_as_it_is_without_the_short_way(call: dict[str, Json]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("pipeline.call.check._takes", lambda _: False)
        problems = problems_of(call)

    assert problems_of(call) == problems
    if not problems:
        assert checked_body(call) == encode_call(call)


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
        make_call(title="a\0"),
        make_call(title="\ud800"),
        make_call(parties=[make_party(name="\ud800")]),
        {},
    ],
    ids=str,
)
def test_what_is_not_right_is_not_taken(call: dict[str, Json]) -> None:
    assert not is_taken(call)
    assert CALL_SCHEMA.validate(call)


@pytest.mark.parametrize("title", ["\\u0000", "\\\\u0000", "u0000"])
def test_a_text_that_only_looks_like_nul_is_right(title: str) -> None:
    assert checked_body(make_call(title=title)) == encode_call(make_call(title=title))


def test_the_call_is_left_as_it_is() -> None:
    call = make_call()

    assert takes(call)
    assert call == make_call()
