"""Templates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.manifest.mapping.template import Template


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("{First Name} {Last Name}", ("", "First Name", " ", "Last Name", "")),
        ("pbx-{ Call ID }", ("pbx-", "Call ID", "")),
        ("{a}{b}", ("", "a", "", "b", "")),
        ("{{{a}}}", ("{", "a", "}")),
        ("{a.b!r:>{{}", None),
        ("{Rate (%)}: {0}", ("", "Rate (%)", ": ", "0", "")),
        ("{__class__}", ("", "__class__", "")),
    ],
)
def test_template_is_taken_apart(text: str, pieces: tuple[str, ...] | None) -> None:
    if pieces is None:
        with pytest.raises(ValueError, match="brace without its partner"):
            Template.parse(text)
    else:
        assert Template.parse(text).pieces == pieces


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plain", "names no column; a text that is always the same"),
        ("", "names no column"),
        ("{{a}}", "names no column"),
        ("{}", "names no column between the braces at position 1"),
        ("x { } y", "names no column between the braces at position 3"),
        ("x {a", "has a brace without its partner at position 3; write {{"),
        ("a} x", "has a brace without its partner at position 2; write }}"),
        ("{a{b}}", "has a brace without its partner at position 1"),
    ],
)
def test_template_that_cannot_be_used_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("{", r"\{").replace("}", r"\}")):
        Template.parse(text)


_LITERALS = st.text(st.characters(codec="utf-8"), max_size=5)
_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="{}"), min_size=1, max_size=5).filter(
    str.strip
)


@given(_LITERALS, st.lists(st.tuples(_NAMES, _LITERALS), min_size=1, max_size=4))
def test_whatever_is_written_is_taken_apart_again(first: str, others: list[tuple[str, str]]) -> None:
    doubled = [
        literal.replace("{", "{{").replace("}", "}}") for literal in (first, *(each[1] for each in others))
    ]
    text = doubled[0] + "".join(
        f"{{{name}}}{literal}" for (name, _), literal in zip(others, doubled[1:], strict=True)
    )
    parsed = Template.parse(text)
    assert list(parsed.columns) == [name.strip() for name, _ in others]
    assert parsed.pieces[::2] == (first, *(literal for _, literal in others))
