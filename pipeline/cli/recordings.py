"""Recordings to demonstrate with: WAV files of invented telephone calls, and the manifest that lists them.

Invariants: the same seed gives the same bytes, on every machine and in every version of Python. No two
recordings have the same content or clientUniqueId, of other seeds neither: the API refuses media that it
has seen before (API.md). None is shorter than 30 s: such recordings are accepted and then silently
discarded (API.md). The names are invented and the numbers are those reserved for fiction; there are no
email addresses, because the API refuses reserved domains (API.md) and any other may be somebody's.
"""

from __future__ import annotations

import hashlib
import json
import math
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

_Option = TypeVar("_Option")

# Telephone quality, 8 kHz with 8 bits: a minute of mono, or half a minute of stereo, takes half a megabyte.
_SAMPLES_PER_SECOND = 8_000
_SILENCE = 128
_MONO_TENTHS = range(310, 601)
_STEREO_TENTHS = range(310, 321)
# One second of a sine of 1 Hz, in whole numbers so that every machine comes to the same.
_SINE = tuple(
    round(1000 * math.sin(2 * math.pi * t / _SAMPLES_PER_SECOND)) for t in range(_SAMPLES_PER_SECOND)
)
_LOUDNESS = 50
# The line's noise: every byte becomes one of the four values around silence.
_HISS = bytes(_SILENCE - 2 + value // 64 for value in range(256))

_REP = 0
_CUSTOMER = 1
_LAST_DAY = datetime(2026, 2, 27, hour=8, tzinfo=UTC)  # a Friday
_CALLS_A_DAY = 12


class _Rep(NamedTuple):
    user_id: str
    name: str
    utc_offset_hours: int


class _Customer(NamedTuple):
    name: str
    company: str
    phone_number: str
    language_code: str


_REPS = (
    _Rep("234599484848423", "Ada Marlow", -8),
    _Rep("714366367493425", "Tomás Vidal", 1),
    _Rep("5120938471120385", "Ines Okafor", 0),
    _Rep("8830214776509931204", "Jun Tanabe", -5),
)
_CUSTOMERS = (
    _Customer("Grace Whitlock", "Harbor & Pine", "+1 206-555-0142", "en-US"),
    _Customer("Owen Tregarth", "Saltmarsh Ltd", "+44 20 7946 0018", "en-GB"),
    _Customer("Priya Raman", "Lanternworks", "+1 415-555-0107", "en-US"),
    _Customer("Louisa Bright", "Fernhill Dairy", "+44 161 496 0233", "en-GB"),
    _Customer("Mateo Rossi", "Northgate Tools", "+1 312-555-0199", "en-US"),
)
_TOPICS = ("Discovery call", "Demonstration", "Renewal", "Pricing review", "Onboarding", "Support follow-up")
_DISPOSITIONS = ("Connected", "Meeting booked", "Call back later", "Left voicemail")
_DIRECTIONS = ("Outbound", "Inbound", "Outbound", "Conference")


class _Turn(NamedTuple):
    """One stretch in which one of the two speaks, in tenths of a second from the beginning."""

    speaker: int
    start: int
    end: int


class _Dice:
    """Choices that depend on the seed alone."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._throws = 0

    def choice(self, options: Sequence[_Option]) -> _Option:
        """Return one of the options."""
        self._throws += 1
        throw = hashlib.sha256(f"{self._seed}/{self._throws}".encode()).digest()
        return options[int.from_bytes(throw, "big") % len(options)]

    def second_of_noise(self) -> bytes:
        """Return a second of noise that nobody else has."""
        return hashlib.shake_256(self._seed.encode()).digest(_SAMPLES_PER_SECOND)


@dataclass(frozen=True, slots=True)
class _Recording:
    """What one recording is to be, before it is written down as audio and as a call."""

    number: int
    client_unique_id: str
    stereo: bool
    rep_channel: int
    turns: tuple[_Turn, ...]

    @property
    def tenths(self) -> int:
        """The recording's length in tenths of a second."""
        return self.turns[-1].end


def generate_recordings(folder: Path, count: int, *, seed: int = 0) -> Path:
    """Write recordings below `folder/recordings/`, their manifest to `folder/calls.jsonl`; return its path.

    Media is named relative to the folder, which therefore is the media root. Every second recording is
    stereo, with the rep on a channel of their own; every second mono one has a speakersTimeline. Files that
    are there are overwritten.

    Args:
        folder: Made if it does not exist.
        count: How many recordings; about 0.4 MB each, 0.52 MB at most.
        seed: Another seed gives other recordings, which the API takes for new ones.
    """
    media = folder / "recordings"
    media.mkdir(parents=True, exist_ok=True)
    manifest = folder / "calls.jsonl"
    with manifest.open("w", encoding="utf-8", newline="\n") as lines:
        for number in range(1, count + 1):
            dice = _Dice(f"{seed}/{number}")
            recording = _recording(number, seed, dice)
            path = media / f"{recording.client_unique_id}.wav"
            _write_audio(path, recording, dice)
            row = {"call": _call(recording, dice), "media": path.relative_to(folder).as_posix()}
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    return manifest


def _recording(number: int, seed: int, dice: _Dice) -> _Recording:
    stereo = number % 2 == 0
    return _Recording(
        number=number,
        client_unique_id=f"demo-{seed}-{number:06d}",
        stereo=stereo,
        rep_channel=dice.choice((0, 1)),
        turns=tuple(_turns(dice.choice(_STEREO_TENTHS if stereo else _MONO_TENTHS), dice)),
    )


def _turns(tenths: int, dice: _Dice) -> list[_Turn]:
    """Let the two speak by turns of 2 to 7 seconds, until the recording ends."""
    turns: list[_Turn] = []
    speaker = dice.choice((_REP, _CUSTOMER))
    start = 0
    while start < tenths:
        end = min(start + dice.choice(range(20, 71)), tenths)
        turns.append(_Turn(speaker, start, end))
        speaker, start = 1 - speaker, end
    return turns


def _write_audio(path: Path, recording: _Recording, dice: _Dice) -> None:
    hiss = dice.second_of_noise().translate(_HISS)
    seconds = recording.tenths // 10 + 1
    pitches = (dice.choice(range(110, 150)), dice.choice(range(160, 240)))
    rep, customer = (_voice(hertz, hiss) * seconds for hertz in pitches)
    if recording.stereo:
        silence = hiss * seconds
        tracks = [
            _track(recording.turns, _REP, rep, silence),
            _track(recording.turns, _CUSTOMER, customer, silence),
        ]
        frames = _interleaved(tracks[recording.rep_channel], tracks[1 - recording.rep_channel])
    else:
        frames = _track(recording.turns, _REP, rep, customer)
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(2 if recording.stereo else 1)
        audio.setsampwidth(1)
        audio.setframerate(_SAMPLES_PER_SECOND)
        audio.writeframes(frames)


def _voice(hertz: int, hiss: bytes) -> bytes:
    """Return a second of a hum that swells four times, as syllables do, over the line's noise."""
    return bytes(
        noise + _LOUDNESS * abs(_sine(2, t)) * _sine(hertz, t) // 1_000_000 for t, noise in enumerate(hiss)
    )


def _sine(hertz: int, sample: int) -> int:
    return _SINE[hertz * sample % _SAMPLES_PER_SECOND]


def _track(turns: Sequence[_Turn], speaker: int, speaking: bytes, otherwise: bytes) -> bytes:
    """Return one sound for the turns of one speaker, another for all other turns."""
    samples = _SAMPLES_PER_SECOND // 10
    return b"".join(
        (speaking if turn.speaker == speaker else otherwise)[turn.start * samples : turn.end * samples]
        for turn in turns
    )


def _interleaved(left: bytes, right: bytes) -> bytes:
    frames = bytearray(2 * len(left))
    frames[0::2] = left
    frames[1::2] = right
    return bytes(frames)


def _call(recording: _Recording, dice: _Dice) -> dict[str, Any]:
    """Return the body of `POST /v2/calls` (add-new-call.txt) for a recording."""
    rep = dice.choice(_REPS)
    customer = dice.choice(_CUSTOMERS)
    topic = dice.choice(_TOPICS)
    call = {
        "clientUniqueId": recording.client_unique_id,
        "title": f"{topic}: {customer.company}",
        "purpose": topic,
        "actualStart": _start(recording.number, dice.choice(range(30)), rep.utc_offset_hours),
        "duration": recording.tenths / 10,
        "direction": dice.choice(_DIRECTIONS),
        "disposition": dice.choice(_DISPOSITIONS),
        "languageCode": customer.language_code,
        "primaryUser": rep.user_id,
        "parties": _parties(recording, rep, customer),
        "customData": json.dumps({"recorder": "demo", "extension": str(dice.choice(range(4000, 4100)))}),
    }
    if recording.number % 3 == 0:
        call["context"] = [_salesforce_account(dice)]
    if _has_timeline(recording):
        call["speakersTimeline"] = _timeline(recording.turns)
    return call


def _start(number: int, minutes: int, utc_offset_hours: int) -> str:
    """Return a time within the rep's working hours; the further back, the higher the number."""
    days, place_in_day = divmod(number - 1, _CALLS_A_DAY)
    weeks, weekday = divmod(days, 5)
    start = _LAST_DAY.replace(tzinfo=timezone(timedelta(hours=utc_offset_hours)))
    start += timedelta(weeks=-weeks, days=-weekday, minutes=40 * place_in_day + minutes)
    return start.isoformat(timespec="seconds").replace("+00:00", "Z")


def _parties(recording: _Recording, rep: _Rep, customer: _Customer) -> list[dict[str, Any]]:
    parties: list[dict[str, Any]] = [
        {"userId": rep.user_id, "name": rep.name},
        {"phoneNumber": customer.phone_number, "name": customer.name},
    ]
    if recording.stereo:
        parties[_REP]["mediaChannelId"] = recording.rep_channel
    if _has_timeline(recording):
        for speaker, party in enumerate(parties):
            party["partyId"] = str(speaker)
    return parties


def _has_timeline(recording: _Recording) -> bool:
    # speakersTimeline and mediaChannelId exclude each other (add-new-call.txt).
    return not recording.stereo and recording.number % 4 == 1


def _timeline(turns: Sequence[_Turn]) -> dict[str, Any]:
    segments = [
        {"fromTime": turn.start * 100, "toTime": turn.end * 100, "partyIds": [str(turn.speaker)]}
        for turn in turns
    ]
    return {"precise": True, "speechSegments": segments}


def _salesforce_account(dice: _Dice) -> dict[str, Any]:
    account = "001" + "".join(dice.choice("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(15))
    return {"system": "Salesforce", "objects": [{"objectType": "Account", "objectId": account}]}
