"""Small recordings of every kind, made by ffmpeg: what each is taken for, by its content alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.media import Access, probe
from pipeline.media.duration import duration_of
from pipeline.media.kind import ENDINGS, kind_of
from tests.fixtures.make_media import FIXTURES, KINDS, SECONDS, Kind

# A frame at each end is filled up, and a picture of 5 a second stays for as long as one.
OFF_BY_S = 0.25
FIXTURES_MAX_BYTES = 300_000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_is_known_whatever_its_name(tmp_path: Path, kind: Kind) -> None:
    for name in (kind.name, "recording.dat", "call.mp3"):
        shutil.copy(FIXTURES / kind.name, tmp_path / name)

        media = probe(name, Access((tmp_path,)), measured=True)

        stem = Path(name).stem if Path(name).suffix in ENDINGS else name
        assert (media.content_type, media.file_name) == (kind.content_type, stem + kind.ending)
        expected = pytest.approx(SECONDS, abs=OFF_BY_S) if kind.is_timed else None
        assert media.duration_s == expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_recording_that_was_cut_off_is_survived(kind: Kind) -> None:
    whole = (FIXTURES / kind.name).read_bytes()
    for size in {*range(0, min(len(whole), 3_000), 61), len(whole) // 2, len(whole) - 1}:
        cut = whole[:size]

        def read_at(offset: int, length: int, cut: bytes = cut) -> bytes:
            return cut[offset : offset + length]

        kind_of(read_at, size)
        duration_s = duration_of(read_at, size)
        assert duration_s is None or 0 <= duration_s < 2 * SECONDS


def test_no_fixture_is_left_over_and_together_they_are_small() -> None:
    assert {path.name for path in FIXTURES.iterdir()} == {kind.name for kind in KINDS}
    assert sum(path.stat().st_size for path in FIXTURES.iterdir()) < FIXTURES_MAX_BYTES
