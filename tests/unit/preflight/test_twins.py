"""Twins: each later row with the first one, whoever looked at the two."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from pathlib import Path

import pytest

from pipeline.preflight import twins
from pipeline.preflight.twins import PARTS, TWINS_TOLD, Mark, Marked, MarkFile, Sort, Twin, twins_in


def hash_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()


def make_marked(line: int, own_id: str, *, content: str = "", **overrides: bool) -> Marked:
    marks = [Mark(Sort.ID, hash_of(own_id), hash_of(content))]
    flags = {"accepted": True, "has_media": True, "may_link": False} | overrides
    return Marked(line, **flags, client_unique_id=own_id, place=f"{own_id}.wav", marks=marks)


def keep(folder: Path, *files: list[Marked]) -> None:
    """Keep rows as by several processes."""
    for number, rows in enumerate(files):
        file = MarkFile(folder, number)
        for row in rows:
            file.add(row)
        file.close()


def twins_of(folder: Path, *files: list[Marked]) -> list[Twin]:
    """Keep rows, and find their twins."""
    keep(folder, *files)
    bundles = (bundle for part in range(PARTS) for bundle in twins_in(folder, part))
    return sorted((twin for bundle in bundles for twin in bundle), key=lambda each: each.line)


def test_each_later_row_is_told_with_the_first(tmp_path: Path) -> None:
    one = [make_marked(9, "a"), make_marked(4, "b"), make_marked(700, "a")]
    other = [make_marked(3, "a"), make_marked(5, "c")]

    found = twins_of(tmp_path, one, other)

    assert [(twin.line, twin.first_line) for twin in found] == [(9, 3), (700, 3)]
    assert {twin.client_unique_id for twin in found} == {"a"}
    assert {twin.place for twin in found} == {"a.wav"}


def test_a_row_that_is_kept_out_takes_no_later_ones_place(tmp_path: Path) -> None:
    rows = [
        make_marked(1, "a", accepted=False),
        make_marked(2, "a", content="x"),
        make_marked(3, "a", accepted=False),
        make_marked(4, "a", content="y"),
        make_marked(5, "b", accepted=False),
        make_marked(6, "b", accepted=False),
    ]

    found = twins_of(tmp_path, rows)

    assert [(twin.line, twin.first_line) for twin in found] == [(3, 2), (4, 2), (6, 5)]


def test_what_lies_beside_and_what_became_of_the_row_is_told(tmp_path: Path) -> None:
    rows = [
        make_marked(1, "a", content="x"),
        make_marked(2, "a", content="x", accepted=False),
        make_marked(3, "a", content="y", has_media=False, may_link=True),
    ]

    same, other = twins_of(tmp_path, rows)

    assert (same.is_same, same.accepted, same.has_media, same.may_link) == (True, False, True, False)
    assert (other.is_same, other.accepted, other.has_media, other.may_link) == (False, True, False, True)


def test_files_are_told_by_the_names_that_each_has(tmp_path: Path) -> None:
    def with_file(line: int, place: str) -> Marked:
        return Marked(
            line, True, True, False, f"pbx-{line}", place, [Mark(Sort.MEDIA, hash_of("1/2/3"), b"")]
        )

    (twin,) = twins_of(tmp_path, [with_file(1, "a.wav")], [with_file(2, "link.wav")])

    assert (twin.sort, twin.place, twin.first_place) == (Sort.MEDIA, "link.wav", "a.wav")
    assert twin.client_unique_id == "pbx-2"


@pytest.mark.parametrize("own_id", ["ü" * 2048, "half \ud800 of a pair", "a\nb\0c"])
def test_an_id_of_any_characters_comes_back_as_it_was(own_id: str, tmp_path: Path) -> None:
    marks = [Mark(Sort.ID, bytes(12), bytes(12))]
    rows = [Marked(line, True, True, False, own_id, "", marks) for line in (1, 2)]

    (twin,) = twins_of(tmp_path, rows)

    assert twin.client_unique_id == own_id


def test_a_part_too_large_for_memory_is_sorted_in_runs(
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


def held_at_most(folder: Path, part: int) -> int:
    """Find the twins of a part, and give how many bytes were held meanwhile."""
    tracemalloc.start()
    try:
        for bundle in twins_in(folder, part):
            assert len(bundle) <= TWINS_TOLD
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_of_rows_that_all_have_the_same_id_no_more_are_held_the_more_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twins, "_SORTED_MAX_BYTES", 20_000)
    monkeypatch.setattr(twins, "_MERGED_AT_ONCE", 8)
    held = []
    for count in (2_000, 20_000):
        (folder := tmp_path / str(count)).mkdir()
        keep(folder, [make_marked(line, "a", content=str(line)) for line in range(count, 0, -1)])
        part = hash_of("a")[0] % PARTS

        lines = [(twin.line, twin.first_line) for bundle in twins_in(folder, part) for twin in bundle]

        assert lines == [(line, 1) for line in range(2, count + 1)]
        assert list(folder.glob("tmp*")) == []
        held.append(held_at_most(folder, part))
    # But for what is read at once of each run.
    assert held[1] < 2 * held[0]
