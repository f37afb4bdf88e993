"""Payloads: written small, read as they were, and told apart by their content."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import payload as payload_module
from pipeline.call import decode_call, encode_call
from pipeline.payload import PAYLOAD_VERSION, Payload, content_hash_of
from tests.recordings import make_call, make_long_call

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


@given(body=st.text(), media=st.none() | st.text(), is_linked=st.booleans())
def test_a_payload_comes_back_as_it_was_written(body: str, media: str | None, is_linked: bool) -> None:
    payload = Payload(body, media, is_linked)

    assert Payload.is_known(payload.encode())
    assert Payload.decode(payload.encode()) == payload


@pytest.mark.parametrize("text", ["", "1\nnull\n{}", "8\nnull\n", "4 \nnull\n", "nonsense"])
def test_a_payload_of_another_version_is_refused(text: str) -> None:
    assert not Payload.is_known(text)
    with pytest.raises(ValueError, match="version"):
        Payload.decode(text)


@given(call=CALLS, media=st.none() | st.text())
def test_the_content_is_the_same_whatever_the_order_of_the_fields(
    call: dict[str, Any], media: str | None
) -> None:
    found = content_hash_of(call, media)

    assert content_hash_of(reordered(call), media) == found
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", found)


@given(call=CALLS, other_call=CALLS, media=st.none() | st.text(), other_media=st.none() | st.text())
def test_another_content_has_another_hash(
    call: dict[str, Any], other_call: dict[str, Any], media: str | None, other_media: str | None
) -> None:
    is_same = json.dumps([call, media], sort_keys=True) == json.dumps(
        [other_call, other_media], sort_keys=True
    )

    assert (content_hash_of(call, media) == content_hash_of(other_call, other_media)) == is_same


@pytest.mark.parametrize("text", ["125.80", "1E2", "0.1"])
def test_a_number_is_its_value_however_it_is_written(text: str) -> None:
    written = decode_call(f'{{"duration":{text}}}')

    assert content_hash_of(written, None) == content_hash_of({"duration": float(text)}, None)


def test_the_name_of_a_call_is_read_out_of_its_body() -> None:
    assert Payload('{"title": "x", "clientUniqueId": "a-1"}', None).client_unique_id == "a-1"


def test_the_dictionary_of_a_version_never_changes() -> None:
    words, tables = payload_module._WORDS, payload_module._TABLES
    digests = [hashlib.sha256(dictionary).hexdigest()[:16] for dictionary in (words, tables + words)]

    assert dict(zip((2, PAYLOAD_VERSION), digests, strict=True)) == {
        2: "4ea01b8b86baaccd",
        4: "38cc794215e4c253",
    }


WRITTEN_BEFORE = (
    "INS1AgAUA3BieC0xMi0xN1QwMjozLTA4MjM0NTk5NDgyMyAyMDYtNTU1LTAxNDIifV1ab8OrIn0NAOZ325NFg1IEQl"
    "uAydU4bzlzZZQuDMTrALgB1jmiVjgJQQ=="
)


@pytest.mark.parametrize(("version", "is_linked"), [(2, False), (3, True)])
def test_a_payload_of_a_version_before_is_read(version: int, is_linked: bool) -> None:
    payload = Payload.decode(f'{version}\n"a.wav"\n{WRITTEN_BEFORE}')

    assert payload == Payload(encode_call(make_call("pbx-1", title="Zoë")), "a.wav", is_linked)


def test_a_payload_takes_half_of_its_body() -> None:
    sizes = [
        (len(body), len(Payload(body, f"2026/02/17/{number}.wav").encode()))
        for number in range(1, 101)
        if (body := encode_call(make_long_call(number)))
    ]

    assert all(650 < body < 750 for body, _ in sizes)
    assert sum(written for _, written in sizes) < 0.55 * sum(body for body, _ in sizes)


def test_media_that_is_linked_to_is_not_uploaded_by_a_program_that_knows_no_links() -> None:
    uploaded, linked, pulled = (Payload("{}", *rest) for rest in (("a", False), ("a", True), (None, False)))

    assert [each.has_upload for each in (uploaded, linked, pulled)] == [True, False, False]
    assert [each.encode()[0] for each in (uploaded, linked, pulled)] == ["4", "5", "4"]


@pytest.mark.parametrize("is_linked", [True, False])
def test_roots_are_read_back_and_kept_from_who_knows_none(*, is_linked: bool) -> None:
    payload = Payload('{"clientUniqueId":"x"}', "1.wav", is_linked, roots=("/srv/one", "s3://bucket/calls"))

    assert Payload.decode(payload.encode()) == payload
    assert payload.encode().split("\n")[0] == ("7" if is_linked else "6")
