"""Paths of media."""

import pytest

from pipeline.manifest.mapping.media import MediaPath, problem_of_extension


@pytest.mark.parametrize(
    ("rule", "text", "path"),
    [
        (MediaPath(), "2026/1.wav", "2026/1.wav"),
        (MediaPath(folder="rec"), "1.wav", "rec/1.wav"),
        (MediaPath(folder="rec/"), "/1.wav", "rec/1.wav"),
        (MediaPath(extension="mp3"), "RE7", "RE7.mp3"),
        (MediaPath(extension=".mp3"), "RE7", "RE7.mp3"),
        (MediaPath(extension="mp3"), "RE7.WAV", "RE7.WAV"),
        (MediaPath(extension="mp3"), "rec.2026-02-17", "rec.2026-02-17.mp3"),
        (MediaPath(extension="mp3"), "a.b/rec", "a.b/rec.mp3"),
        (MediaPath(remove_prefix="/var/spool/"), "/var/spool/2026/1.wav", "2026/1.wav"),
        (MediaPath(windows_paths=True), "2026\\02\\1.wav", "2026/02/1.wav"),
        (MediaPath(windows_paths=True, remove_prefix="D:\\Rec\\"), "d:\\rec\\2026\\1.wav", "2026/1.wav"),
        (MediaPath(windows_paths=True, remove_prefix="D:/Rec/"), "D:\\Rec\\1.wav", "1.wav"),
        (MediaPath(), "odd\\name.wav", "odd\\name.wav"),
        (MediaPath(remove_prefix="a/", folder="b", extension="wav"), "a/1", "b/1.wav"),
    ],
)
def test_path_is_made_by_the_rule(rule: MediaPath, text: str, path: str) -> None:
    assert rule.of(text) == path


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (MediaPath(remove_prefix="/var/spool/"), "/mnt/1.wav"),
        (MediaPath(remove_prefix="/VAR/"), "/var/1.wav"),
        (MediaPath(windows_paths=True, remove_prefix="D:\\Rec\\"), "E:\\Rec\\1.wav"),
        (MediaPath(remove_prefix="long beginning"), "long"),
    ],
)
def test_path_that_does_not_begin_as_said_is_refused(rule: MediaPath, text: str) -> None:
    with pytest.raises(ValueError, match="does not begin with"):
        rule.of(text)


def test_extension_must_be_one_of_a_recording() -> None:
    assert problem_of_extension(".MP3") is None
    assert str(problem_of_extension("flak")) == "'flak' is no ending of a recording; is 'flac' meant?"
    assert "is no ending of a recording" in str(problem_of_extension("docx"))
