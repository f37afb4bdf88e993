"""One row looked at: everything that is wrong with it, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Problem
from pipeline.job import job_id_of
from pipeline.manifest.row import UncheckedRow, malformed
from pipeline.media import Access
from pipeline.preflight.row import Looked, RowCheck
from pipeline.preflight.twins import Sort
from tests.unit.manifest.builders import make_call
from tests.unit.media.test_duration import make_wav


def make_row(media: str | None = "a.wav", **overrides: Any) -> UncheckedRow:
    return UncheckedRow(1, make_call(**overrides), media, b"the row")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A media root with a recording of 31 s and one of 12."""
    (tmp_path / "a.wav").write_bytes(make_wav(31))
    (tmp_path / "short.wav").write_bytes(make_wav(12.9))
    return tmp_path


def look(root: Path | None, row: UncheckedRow) -> Looked:
    return RowCheck(Access((root,)) if root else None).look(row, 7)


def codes(looked: Looked) -> list[str]:
    return [finding.code for finding in looked.findings]


def test_a_row_that_is_right_becomes_a_job(root: Path) -> None:
    looked = look(root, make_row())

    assert looked.findings == []
    assert looked.job_id == job_id_of("pbx-1")
    assert looked.marked is not None
    assert looked.marked.has_media


def test_call_and_media_are_told_at_once(root: Path) -> None:
    looked = look(root, make_row("gone.wav", direction="in", title=5))

    assert codes(looked) == ["call_invalid", "call_invalid", "media_missing"]
    assert {finding.line for finding in looked.findings} == {7}
    assert {finding.client_unique_id for finding in looked.findings} == {"pbx-1"}
    assert looked.job_id is None


@pytest.mark.parametrize(
    ("media", "code"),
    [
        ("empty.wav", "media_empty"),
        ("text.wav", "media_kind"),
        ("../a.wav", "media_outside_roots"),
        ("large.wav", "media_too_large"),
        ("folder", "media_unreadable"),
        ("s9://bucket/a.wav", "media_scheme_unknown"),
    ],
)
def test_media_that_is_refused_is_told_by_the_probe_s_code(media: str, code: str, root: Path) -> None:
    (root / "empty.wav").touch()
    (root / "text.wav").write_text("hello " * 100)
    (root / "folder").mkdir()
    with (root / "large.wav").open("wb") as large:
        large.truncate(1_500_000_001)

    assert codes(look(root, make_row(media))) == [code]


def test_a_short_recording_is_a_warning_and_a_job_all_the_same(root: Path) -> None:
    looked = look(root, make_row("short.wav"))

    (finding,) = looked.findings
    assert (finding.code, finding.is_warning) == ("media_short", True)
    assert "about 12 s" in finding.message
    assert looked.job_id == job_id_of("pbx-1")


@pytest.mark.parametrize(
    ("duration", "expected"), [(12, ["media_short"]), (30, []), (0, []), (29.99, ["media_short"])]
)
def test_what_the_call_says_counts_where_the_media_is_elsewhere(duration: float, expected: list[str]) -> None:
    url = "https://media.harbor-pine.com/1.mp3"

    assert codes(look(None, make_row(None, duration=duration, downloadMediaUrl=url))) == expected
    assert codes(look(None, make_row("a.wav", duration=duration))) == expected


def test_what_the_media_says_counts_more_than_what_the_call_says(root: Path) -> None:
    assert codes(look(root, make_row(duration=12))) == []


def test_media_whose_root_cannot_be_reached_is_a_warning(tmp_path: Path) -> None:
    looked = look(tmp_path / "not mounted", make_row())

    assert codes(looked) == ["media_unavailable"]
    assert looked.job_id is not None


def test_without_roots_no_media_is_looked_at() -> None:
    assert codes(look(None, make_row("gone.wav"))) == []


def test_a_file_has_one_mark_by_whatever_name(root: Path) -> None:
    (root / "link.wav").symlink_to("a.wav")
    (root / "hard.wav").hardlink_to(root / "a.wav")

    marks = set()
    for name in ("a.wav", "./a.wav", "link.wav", "hard.wav", str(root / "a.wav")):
        marked = look(root, make_row(name)).marked
        assert marked is not None
        marks |= {mark.hash for mark in marked.marks if mark.sort is Sort.MEDIA}
    assert len(marks) == 1


def test_the_same_file_is_looked_at_once(root: Path) -> None:
    check = RowCheck(Access((root,)))
    assert codes(check.look(make_row(), 1)) == []
    (root / "a.wav").unlink()

    assert codes(check.look(make_row(), 2)) == []


def test_a_row_that_could_not_be_read_keeps_its_problems() -> None:
    rejected = malformed(1, b"{", Problem("", "is not JSON"))

    looked = RowCheck(None).look(rejected, 7)

    assert [(each.line, each.code, each.sentence) for each in looked.findings] == [
        (7, "row_malformed", "is not JSON")
    ]
    assert (looked.job_id, looked.marked) == (None, None)


@pytest.mark.parametrize("own_id", [5, None, "", "half \ud800 of a pair", ["x"], {}])
def test_an_id_that_is_none_is_refused_and_breaks_nothing(own_id: object) -> None:
    looked = look(None, make_row(clientUniqueId=own_id))

    assert set(codes(looked)) == {"call_invalid"}
    assert looked.job_id is None


@pytest.mark.parametrize(
    ("reference", "roots", "codes_expected", "has_upload"),
    [
        ("a.wav", True, ["media_not_linked"], True),
        ("a.wav", False, ["media_not_linked"], True),
        ("https://host/a.wav", False, ["media_not_linked"], True),
        ("s3://bucket/a.wav", False, [], False),
    ],
)
def test_media_that_no_link_can_be_given_to_is_a_warning(
    root: Path, reference: str, roots: bool, codes_expected: list[str], has_upload: bool
) -> None:
    looked = RowCheck(Access((root,)) if roots else None, links=True).look(make_row(reference), 7)

    assert codes(looked) == codes_expected
    assert looked.job_id
    assert looked.marked
    assert looked.marked.has_media is has_upload
    assert "two requests" in "".join(finding.sentence for finding in looked.findings) or not codes_expected


@pytest.mark.parametrize(
    ("reference", "links", "expected"),
    [
        ("a.wav", False, False),
        ("s3://bucket/a.wav", False, True),
        ("s3://bucket/a.wav", True, False),  # it is pulled as it is
        (None, False, False),
    ],
)
def test_an_upload_says_whether_a_link_could_be_given_instead(
    reference: str | None, links: bool, expected: bool
) -> None:
    looked = RowCheck(None, links=links).look(make_row(reference, downloadMediaUrl="https://host/a.wav"), 7)

    assert looked.marked
    assert looked.marked.may_link is expected


def test_media_that_is_not_looked_at_has_its_link_all_the_same() -> None:
    check = RowCheck(None, links=True, can_link=lambda _reference: True)

    looked = check.look(make_row("a.wav"), 7)

    assert codes(looked) == []
    assert looked.marked
    assert not looked.marked.has_media


def test_an_address_with_a_signature_is_not_shown(root: Path) -> None:
    looked = RowCheck(Access((root,)), links=False).look(
        make_row("https://10.0.0.1/a.wav?sig=very-secret"), 7
    )

    assert codes(looked) == ["media_address_forbidden"]
    assert "very-secret" not in looked.findings[0].sentence
