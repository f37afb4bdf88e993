"""Recordings with manifests that list them, and what the API should have of them afterwards."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulators import Simulator

USER = "234599484848423"
MEDIA_BYTES = 4_000


def wav(content: bytes) -> bytes:
    """Make a WAV file of telephone quality around its samples."""
    form = struct.pack("<HHIIHH", 1, 1, 8_000, 8_000, 1, 8)
    chunks = (
        b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(content)) + content
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def make_call(client_unique_id: str, **overrides: Any) -> dict[str, Any]:
    """Make the body of a create."""
    return {
        "clientUniqueId": client_unique_id,
        "actualStart": "2026-02-17T02:30:00-08:00",
        "direction": "Inbound",
        "primaryUser": USER,
        "parties": [{"userId": USER}, {"phoneNumber": "+1 206-555-0142"}],
    } | overrides


def make_row(folder: Path, number: int) -> dict[str, Any]:
    """Make a row of a manifest, and its media in a folder: `media/7.wav` for number 7."""
    media = folder / "media" / f"{number}.wav"
    media.parent.mkdir(parents=True, exist_ok=True)
    media.write_bytes(wav(random.Random(number).randbytes(MEDIA_BYTES)))
    return {"call": make_call(f"pbx-{number}"), "media": f"media/{number}.wav"}


def make_long_call(number: int) -> dict[str, Any]:
    """Make a body of about 700 bytes, as a telephone system that knows a lot hands it in."""
    chance = random.Random(number)
    rep, phone = (
        str(chance.randrange(10**14, 10**18)),
        f"+1 {chance.randrange(200, 999)}-555-0{number % 1000:03}",
    )
    return make_call(
        f"pbx-2026-{number:07}",
        title=f"Renewal: account {chance.randrange(10**6)}",
        purpose="Renewal",
        duration=chance.randrange(400, 40_000) / 10,
        disposition="Connected",
        languageCode="en-US",
        callProviderCode="pbx-emea",
        workspaceId=str(chance.randrange(10**17, 10**18)),
        meetingUrl=f"https://pbx.invalid/calls/{chance.randrange(10**8)}",
        primaryUser=rep,
        parties=[
            {"userId": rep, "name": f"Rep {chance.randrange(500)}", "mediaChannelId": 0},
            {"phoneNumber": phone, "name": f"Customer {chance.randrange(10**5)}", "mediaChannelId": 1},
        ],
        context=[
            {
                "system": "Salesforce",
                "objects": [{"objectType": "Account", "objectId": f"001{chance.randrange(10**14, 10**15)}"}],
            }
        ],
        customData=json.dumps({"extension": chance.randrange(1000, 9999), "queue": "renewals-emea"}),
    )


@dataclass(frozen=True, slots=True)
class Recordings:
    """A manifest with its rows; the media lies beside it."""

    manifest: Path
    rows: Sequence[dict[str, Any]]

    @property
    def folder(self) -> Path:
        """The media root."""
        return self.manifest.parent

    def expected(self) -> dict[str, str]:
        """Give the SHA-256 of each recording's media by its clientUniqueId."""
        return {
            row["call"]["clientUniqueId"]: hashlib.sha256(
                (self.folder / row["media"]).read_bytes()
            ).hexdigest()
            for row in self.rows
        }


def make_recordings(folder: Path, count: int, *, name: str = "calls.jsonl") -> Recordings:
    """Make so many recordings and their manifest, as JSON lines or, by its name, as CSV."""
    rows = [make_row(folder, number) for number in range(1, count + 1)]
    manifest = folder / name
    write = write_csv if manifest.suffix == ".csv" else write_jsonl
    write(manifest, rows)
    return Recordings(manifest, rows)


def write_jsonl(manifest: Path, rows: Sequence[object]) -> None:
    """Write a manifest of JSON lines; a row that is text is written as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    manifest.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def write_csv(manifest: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a manifest with dotted columns."""
    tables = [_cells(row["call"]) | {"media": row["media"]} for row in rows]
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, tables[0])
        writer.writeheader()
        writer.writerows(tables)


def _cells(value: Any, path: str = "") -> dict[str, str]:
    """Write a call as cells by column: `parties.0.userId`."""
    if not isinstance(value, dict | list):
        return {path: str(value)}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    cells: dict[str, str] = {}
    for name, inner in items:
        cells |= _cells(inner, f"{path}.{name}" if path else str(name))
    return cells


def media_in(simulator: Simulator) -> dict[str, str]:
    """Give the SHA-256 of what the API has, by clientUniqueId; fails when a call is there twice or empty."""
    calls = simulator.record("requests=0")["calls"]
    found = {call["clientUniqueId"]: call["media"]["sha256"] for call in calls}
    assert len(found) == len(calls), "a call was created twice"
    assert {call["uploads"] for call in calls} <= {1}, "media was uploaded twice"
    return found
