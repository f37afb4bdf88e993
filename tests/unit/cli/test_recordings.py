"""Recordings to demonstrate with."""

import cmath
import hashlib
import json
import wave
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.call import check_call
from pipeline.cli.recordings import generate_recordings
from pipeline.manifest import Row, read_manifest
from pipeline.media import Access, probe

COUNT = 40
SAMPLES_PER_SECOND = 8_000
REP_HERTZ = range(110, 150)
CUSTOMER_HERTZ = range(160, 240)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    assert generate_recordings(folder, COUNT) == folder / "calls.jsonl"
    return folder


def rows_of(folder: Path) -> list[tuple[dict[str, Any], Path]]:
    rows = [json.loads(line) for line in (folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(row["call"], folder / row["media"]) for row in rows]


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_manifest_is_read_without_a_rejected_row(folder: Path) -> None:
    looked_at: list[str] = []
    rows = list(read_manifest(folder / "calls.jsonl", check_media=looked_at.append))
    assert [type(row) for row in rows] == [Row] * COUNT
    assert sorted(looked_at) == sorted(
        f"recordings/{path.name}" for path in (folder / "recordings").iterdir()
    )


def test_every_call_passes_the_check(folder: Path) -> None:
    for call, _ in rows_of(folder):
        check_call(call, has_media=True)


def test_media_is_valid_audio_of_the_length_that_the_call_says(folder: Path) -> None:
    for call, media in rows_of(folder):
        with wave.open(str(media), "rb") as audio:
            seconds = audio.getnframes() / audio.getframerate()
            assert len(audio.readframes(audio.getnframes())) == audio.getnframes() * audio.getnchannels()
        assert seconds == pytest.approx(call["duration"])
        assert 30 < seconds <= 60
        assert media.stat().st_size < 2**19


def test_media_passes_the_probe(folder: Path) -> None:
    for _, media in rows_of(folder):
        assert probe(str(media.relative_to(folder)), Access((folder,))).size_bytes == media.stat().st_size


def test_no_two_recordings_are_alike_of_other_seeds_neither(folder: Path, tmp_path: Path) -> None:
    generate_recordings(tmp_path, COUNT, seed=1)
    both = [*rows_of(folder), *rows_of(tmp_path)]
    assert len({call["clientUniqueId"] for call, _ in both}) == 2 * COUNT
    assert len({media.read_bytes() for _, media in both}) == 2 * COUNT


def test_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    generate_recordings(tmp_path, COUNT)
    assert digests(tmp_path) == digests(folder)


def test_recordings_do_not_depend_on_how_many_there_are(folder: Path, tmp_path: Path) -> None:
    generate_recordings(tmp_path, 3)
    assert rows_of(tmp_path) == [
        (call, tmp_path / media.relative_to(folder)) for call, media in rows_of(folder)[:3]
    ]


def test_bytes_are_the_same_on_every_machine_and_python(tmp_path: Path) -> None:
    generate_recordings(tmp_path, 2, seed=7)
    every = hashlib.sha256(json.dumps(digests(tmp_path), sort_keys=True).encode()).hexdigest()
    assert every == "d9216007a34ad905579cb1f0f5117afbc3d8b29ff945772cd1283ff8b0a4d263"


def test_what_is_there_is_overwritten(tmp_path: Path) -> None:
    generate_recordings(tmp_path, 2)
    before = digests(tmp_path)
    for path in tmp_path.rglob("*.*"):
        path.write_bytes(b"other")
    generate_recordings(tmp_path, 2)
    assert digests(tmp_path) == before


def test_rep_is_a_party_with_the_primary_user_and_the_customer_has_a_number(folder: Path) -> None:
    for call, _ in rows_of(folder):
        rep, customer = call["parties"]
        assert rep["userId"] == call["primaryUser"]
        assert call["primaryUser"].isdecimal()
        assert customer["phoneNumber"].startswith("+")


def test_stereo_has_the_rep_on_the_channel_that_the_call_names(folder: Path) -> None:
    stereo = [(call, media) for call, media in rows_of(folder) if channels(media) == 2]
    assert len(stereo) == COUNT // 2
    assert {rep_channel(call) for call, _ in stereo[:8]} == {0, 1}
    for call, media in stereo[:8]:
        voices = [pitch_hertz(loudest_second(track)) for track in tracks(media)]
        assert voices[rep_channel(call)] in REP_HERTZ
        assert voices[1 - rep_channel(call)] in CUSTOMER_HERTZ


def test_stereo_has_one_speaker_at_a_time(folder: Path) -> None:
    for _, media in rows_of(folder)[1:8:2]:
        left, right = tracks(media)
        tenths = range(0, len(left), 800)
        assert all((max(left[t : t + 800]) > 140) != (max(right[t : t + 800]) > 140) for t in tenths)


def test_mono_has_a_timeline_in_which_the_speakers_are_heard(folder: Path) -> None:
    timelines = [(call, media) for call, media in rows_of(folder) if "speakersTimeline" in call]
    assert len(timelines) == COUNT // 4
    for call, media in timelines:
        segments = call["speakersTimeline"]["speechSegments"]
        assert segments[0]["fromTime"] == 0
        assert segments[-1]["toTime"] == round(call["duration"] * 1000)
        (track,) = tracks(media)
        rep, customer = (party["partyId"] for party in call["parties"])
        for segment in segments[:4]:
            start = segment["fromTime"] * SAMPLES_PER_SECOND // 1000
            pitch = pitch_hertz(track[start : start + SAMPLES_PER_SECOND])
            assert pitch in {rep: REP_HERTZ, customer: CUSTOMER_HERTZ}[segment["partyIds"][0]]


def test_calls_are_of_many_kinds(folder: Path) -> None:
    calls = [call for call, _ in rows_of(folder)]
    for field in ("direction", "disposition", "purpose", "languageCode", "primaryUser"):
        assert len({call[field] for call in calls}) > 1, field
    assert {call["direction"] for call in calls} == {"Inbound", "Outbound", "Conference"}
    assert any("context" in call for call in calls)
    assert all(json.loads(call["customData"])["recorder"] == "demo" for call in calls)
    offsets = {datetime.fromisoformat(call["actualStart"]).utcoffset() for call in calls}
    assert len(offsets) > 1


def test_calls_are_within_the_working_hours_of_a_rep(folder: Path) -> None:
    for call, _ in rows_of(folder):
        start = datetime.fromisoformat(call["actualStart"])
        assert start.weekday() < 5
        assert 8 <= start.hour < 16


def channels(media: Path) -> int:
    with wave.open(str(media), "rb") as audio:
        return audio.getnchannels()


def tracks(media: Path) -> list[bytes]:
    with wave.open(str(media), "rb") as audio:
        frames = audio.readframes(audio.getnframes())
        return [frames[channel :: audio.getnchannels()] for channel in range(audio.getnchannels())]


def rep_channel(call: dict[str, Any]) -> int:
    channel = call["parties"][0]["mediaChannelId"]
    assert isinstance(channel, int)
    return channel


def loudest_second(track: bytes) -> bytes:
    seconds = (
        track[start : start + SAMPLES_PER_SECOND] for start in range(0, len(track), SAMPLES_PER_SECOND)
    )
    return max(seconds, key=lambda second: sum(abs(sample - 128) for sample in second))


def pitch_hertz(second: bytes) -> int:
    """The whole frequency with the most power, by a Fourier transform of every eighth sample."""
    samples = second[::8]

    def power(hertz: int) -> float:
        turn = -2j * cmath.pi * hertz / 1_000
        return abs(sum((sample - 128) * cmath.exp(turn * t) for t, sample in enumerate(samples)))

    return max(range(100, 250), key=power)
