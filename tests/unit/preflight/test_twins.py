"""Twins: each later row with the first one, whoever looked at the two."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from pipeline.preflight import twins
from pipeline.preflight.twins import PARTS, Mark, Marked, MarkFile, Sort, Twin, twins_in


def hash_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()


def make_marked(line: int, own_id: str, *, content: str = "", **overrides: bool) -> Marked:
    marks = [Mark(Sort.ID, hash_of(own_id), hash_of(content))]
    flags = {"accepted": True, "has_media": True} | overrides
    return Marked(line, flags["accepted"], flags["has_media"], own_id, f"{own_id}.wav", marks)


def twins_of(folder: Path, *files: list[Marked]) -> list[Twin]:
    """Keep rows as by several processes, and find their twins."""
    for number, rows in enumerate(files):
        file = MarkFile(folder, number)
        for row in rows:
            file.add(row)
        file.close()
    return sorted(
        (twin for part in range(PARTS) for twin in twins_in(folder, part)), key=lambda each: each.line
    )


def test_each_later_row_is_told_with_the_first(tmp_path: Path) -> None:
    one = [make_marked(9, "a"), make_marked(4, "b"), make_marked(700, "a")]
    other = [make_marked(3, "a"), make_marked(5, "c")]

    found = twins_of(tmp_path, one, other)

    assert [(twin.line, twin.first_line) for twin in found] == [(9, 3), (700, 3)]
    assert {twin.client_unique_id for twin in found} == {"a"}
    assert {twin.place for twin in found} == {"a.wav"}


def test_what_lies_beside_and_what_became_of_the_row_is_told(tmp_path: Path) -> None:
    rows = [
        make_marked(1, "a", content="x"),
        make_marked(2, "a", content="x", accepted=False),
        make_marked(3, "a", content="y", has_media=False),
    ]

    same, other = twins_of(tmp_path, rows)

    assert (same.is_same, same.accepted, same.has_media) == (True, False, True)
    assert (other.is_same, other.accepted, other.has_media) == (False, True, False)


def test_files_are_told_by_the_names_that_each_has(tmp_path: Path) -> None:
    def with_file(line: int, place: str) -> Marked:
        return Marked(line, True, True, f"pbx-{line}", place, [Mark(Sort.MEDIA, hash_of("1/2/3"), b"")])

    (twin,) = twins_of(tmp_path, [with_file(1, "a.wav")], [with_file(2, "link.wav")])

    assert (twin.sort, twin.place, twin.first_place) == (Sort.MEDIA, "link.wav", "a.wav")
    assert twin.client_unique_id == "pbx-2"


@pytest.mark.parametrize("own_id", ["ü" * 2048, "half \ud800 of a pair", "a\nb\0c"])
def test_an_id_of_any_characters_comes_back_as_it_was(own_id: str, tmp_path: Path) -> None:
    rows = [Marked(line, True, True, own_id, "", [Mark(Sort.ID, bytes(12), bytes(12))]) for line in (1, 2)]

    (twin,) = twins_of(tmp_path, rows)

    assert twin.client_unique_id == own_id


def test_a_part_too_large_for_memory_is_sorted_in_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twins, "_SORTED_MAX_BYTES", 500)
    dice = random.Random(7)
    rows = [make_marked(line, str(dice.randrange(1_000))) for line in range(1, 2_001)]

    found = twins_of(tmp_path, rows[::2], rows[1::2])

    first_lines: dict[str, int] = {}
    expected = []
    for row in rows:
        first_line = first_lines.setdefault(row.client_unique_id, row.line)
        if first_line != row.line:
            expected.append((row.line, first_line))
    assert [(twin.line, twin.first_line) for twin in found] == expected
