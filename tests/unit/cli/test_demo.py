"""How the demo compares what the API has with what was there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.demo import Verdict, compare

CONTENT = {"a": b"first recording", "b": b"second recording"}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    for name, content in CONTENT.items():
        (tmp_path / f"{name}.wav").write_bytes(content)
    rows = [{"call": {"clientUniqueId": name}, "media": f"{name}.wav"} for name in CONTENT]
    path = tmp_path / "calls.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_call(name: str, content: bytes | None) -> dict[str, Any]:
    media = None if content is None else {"sha256": hashlib.sha256(content).hexdigest()}
    return {"clientUniqueId": name, "media": media}


def make_record(*calls: dict[str, Any], statuses: tuple[int, ...] = (200, 201)) -> dict[str, Any]:
    return {"calls": calls, "requests": [[0.5, "POST", "/v2/calls", status, ""] for status in statuses]}


def test_all_there_once_and_byte_for_byte_is_right(manifest: Path) -> None:
    verdict = compare(make_record(*(make_call(*each) for each in CONTENT.items())), manifest)

    assert verdict == Verdict(recordings=2, intact=2, calls=2, refused_requests=0)
    assert verdict.is_right
    assert "2 calls, 2 of 2 recordings are there once and byte for byte, 0 requests over" in verdict.sentence


@pytest.mark.parametrize(
    ("calls", "intact"),
    [
        ([], 0),
        ([("a", CONTENT["a"])], 1),
        ([("a", CONTENT["a"]), ("b", None)], 1),
        ([("a", CONTENT["a"]), ("b", CONTENT["a"])], 1),
        # twice is as wrong as never
        ([("a", CONTENT["a"]), ("b", CONTENT["b"]), ("b", CONTENT["b"])], 1),
        # and so is what nobody handed in
        ([("a", CONTENT["a"]), ("b", CONTENT["b"]), ("c", b"other")], 2),
    ],
)
def test_anything_else_is_wrong(manifest: Path, calls: list[tuple[str, bytes | None]], intact: int) -> None:
    verdict = compare(make_record(*(make_call(*each) for each in calls)), manifest)

    assert (verdict.intact, verdict.calls) == (intact, len(calls))
    assert not verdict.is_right


def test_requests_over_the_limit_are_counted_from_the_record(manifest: Path) -> None:
    assert compare(make_record(statuses=(429, 200, 429, 500)), manifest).refused_requests == 2
