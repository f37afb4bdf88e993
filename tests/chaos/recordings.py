"""Small recordings with contents of their own, and the manifest that lists them."""

from __future__ import annotations

import hashlib
import json
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLES_PER_SECOND = 8_000
# Half a second of telephone quality: large enough to be media, small enough to write a thousand at once.
SIZE_BYTES = 4_000
USER_ID = "234599484848423"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording on disk: its clientUniqueId, its file and the file's SHA-256 (hexadecimal)."""

    client_unique_id: str
    path: Path
    sha256: str


def write_recordings(folder: Path, ids: Iterable[str], *, size_bytes: int = SIZE_BYTES) -> list[Recording]:
    """Write a WAV for each clientUniqueId, whose content follows from that id."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / f"{each}.wav", each, size_bytes) for each in ids]


def write_manifest(path: Path, recordings: Sequence[Recording]) -> Path:
    """List the recordings as JSON lines, their media relative to the manifest's folder."""
    rows = ({"call": call_of(each), "media": str(each.path.relative_to(path.parent))} for each in recordings)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def _write(path: Path, client_unique_id: str, size_bytes: int) -> Recording:
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(1)
        audio.setframerate(SAMPLES_PER_SECOND)
        audio.writeframes(hashlib.shake_256(client_unique_id.encode()).digest(size_bytes))
    return Recording(client_unique_id, path, hashlib.sha256(path.read_bytes()).hexdigest())


def call_of(recording: Recording) -> dict[str, object]:
    """Give the body of the create."""
    return {
        "clientUniqueId": recording.client_unique_id,
        "actualStart": "2026-02-17T02:30:00-08:00",
        "direction": "Inbound",
        "primaryUser": USER_ID,
        "parties": [{"userId": USER_ID}],
    }
