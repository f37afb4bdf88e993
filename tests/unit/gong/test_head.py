"""The head of a request: nobody can put a line of its own into it."""

from __future__ import annotations

import pytest

from pipeline.gong.connection import _head


def test_a_head_has_a_line_for_each_header_and_an_empty_one() -> None:
    head = _head("PUT", "/v2/calls/1/media", {"Host": "api.gong.io", "Content-Length": "3"})

    assert head == b"PUT /v2/calls/1/media HTTP/1.1\r\nHost: api.gong.io\r\nContent-Length: 3\r\n\r\n"


@pytest.mark.parametrize("text", ["a\r\nX: y", "a\nX: y", "a\0", "a\x7f", "a\U0001f600"])
def test_a_header_that_would_be_more_than_its_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"character|codec"):
        _head("GET", "/", {"Host": text})


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/a\tb"])
def test_a_target_that_would_end_early_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="character"):
        _head("GET", target, {})
