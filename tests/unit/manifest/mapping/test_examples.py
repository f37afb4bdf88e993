"""The worked examples: each map makes the calls that its export says; a first map can be made to as well."""

import gzip
import io
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ManifestUnreadable
from pipeline.manifest import Reading, Row, read_manifest, read_map
from pipeline.manifest.mapping.guess import first_map
from tests.unit.manifest.mapping.maps import EXAMPLES, column_map

MAPS = sorted(path.stem for path in EXAMPLES.glob("*.toml"))
ANDREA, BEN = "234599484848423", "234599484848424"


def export_of(name: str) -> Path:
    return next(path for path in EXAMPLES.glob(f"{name}.*") if path.suffix != ".toml")


def encoding_of(name: str) -> str | None:
    return "cp1252" if name == "windows-pbx" else None


# Of each example: line, clientUniqueId, actualStart, direction, duration, primaryUser, media.
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "aircall-calls": [
        (1, "aircall-3916681", "2026-02-17T08:30:00Z", "Inbound", 310, ANDREA, "aircall/3916681.mp3"),
        (3, "aircall-3916683", "2026-02-17T10:20:00Z", "Outbound", 900, BEN, "aircall/3916683.mp3"),
    ],
    "bright-pattern-recordings": [
        (
            *(2, "bright-pattern-8C1F-1-2026/02/17/aruiz-1.wav", "2026-02-17T10:30:00-05:00", "Inbound", 310),
            *(ANDREA, "2026/02/17/aruiz-1.wav"),
        ),
        (
            *(
                5,
                "bright-pattern-8C1F-3-2026/02/17/bode-7.wav",
                "2026-02-17T14:00:00-05:00",
                "Outbound",
                4200,
            ),
            *(BEN, "2026/02/17/bode-7.wav"),
        ),
    ],
    "dialpad-calls": [
        (2, "dialpad-5001", "2026-07-15T00:05:54.388365-06:00", "Inbound", None, ANDREA, "dialpad/5001.mp3"),
        # An hour that came twice on the clocks of New York: the earlier one.
        (5, "dialpad-5003", "2026-11-01T01:30:00.250000-04:00", "Outbound", None, BEN, "dialpad/5003.mp3"),
    ],
    "five9-call-log": [
        (
            *(2, "five9-0A1B-300000000000001", "2026-09-03T10:00:00-07:00", "Outbound", 750, ANDREA),
            "five9/300000000000001.wav",
        ),
        (
            *(4, "five9-0A1D-300000000000003", "2026-09-03T10:07:00-07:00", "Inbound", 3723, BEN),
            "five9/300000000000003.wav",
        ),
    ],
    "ringcentral-call-log": [
        (
            *(1, "ringcentral-13868504005-10384944005", "2026-02-17T08:33:26.354Z", "Inbound", 77, ANDREA),
            "ringcentral/10384944005.mp3",
        ),
        (
            *(3, "ringcentral-13868504007-10384944006", "2026-02-17T09:30:10.120Z", "Outbound", 1901, BEN),
            "ringcentral/10384944006.mp3",
        ),
    ],
    "talkdesk-calls": [
        (
            *(2, "talkdesk-5f0c6b1a8d0c4a", "2026-02-17T10:30:00Z", "Inbound", 310, ANDREA),
            "talkdesk/5f0c6b1a8d0c4a.mp3",
        ),
        (
            *(4, "talkdesk-5f0c6b1a8d0c4c", "2026-02-17T11:00:00Z", "Outbound", 1200, BEN),
            "talkdesk/5f0c6b1a8d0c4c.mp3",
        ),
    ],
    "twilio-bulk-export": [
        (
            *(1, "twilio-CA0123456789abcdef0123456789abcdef", "2026-02-17T10:30:00Z", "Inbound", 125, ANDREA),
            "CA0123456789abcdef0123456789abcdef.mp3",
        ),
        (
            *(3, "twilio-CA2123456789abcdef0123456789abcdef", "2026-02-17T11:05:01Z", "Outbound", 630, BEN),
            "CA2123456789abcdef0123456789abcdef.mp3",
        ),
    ],
    "windows-pbx": [
        (
            2,
            "pbx-17.02.2026-09:30:00-1",
            "2026-02-17T09:30:00+01:00",
            "Inbound",
            310,
            ANDREA,
            "2026/02/1.wav",
        ),
        (4, "pbx-17.02.2026-10:00:00-3", "2026-02-17T10:00:00+01:00", "Outbound", 3605, BEN, "2026/02/3.wav"),
    ],
    "zoom-phone-recordings": [
        (
            *(1, "zoom-phone-8f7345c50a654182ab1672fdb3be61ff", "2026-02-17T05:35:20Z", "Inbound", 611),
            *(ANDREA, "zoom/8f7345c50a654182ab1672fdb3be61ff.mp3"),
        ),
        (
            *(2, "zoom-phone-8f7345c50a654182ab1672fdb3be6200", "2026-02-17T06:01:00Z", "Outbound", 42),
            *(BEN, "zoom/8f7345c50a654182ab1672fdb3be6200.mp3"),
        ),
    ],
}
PARTIES: dict[str, list[dict[str, Any]]] = {
    "aircall-calls": [
        {"phoneNumber": "+1 800-555-0148", "name": "Jane Doe"},
        {"phoneNumber": "+1 800-555-0149"},
    ],
    "bright-pattern-recordings": [{"phoneNumber": "0044 20 7946 0100"}, {"phoneNumber": "+442079460102"}],
    "dialpad-calls": [{"phoneNumber": "+12055550124"}, {"phoneNumber": "+12055550126"}],
    "five9-call-log": [{"phoneNumber": "2815550116"}, {"phoneNumber": "0015550123"}],
    "ringcentral-call-log": [
        {"phoneNumber": "+18885550148", "name": "SAN MATEO CA"},
        {"phoneNumber": "+18885550150"},
    ],
    "talkdesk-calls": [{"phoneNumber": "+351915550101"}, {"phoneNumber": "+351915550103"}],
    "twilio-bulk-export": [
        {"phoneNumber": "+442079460100", "name": "JANE DOE"},
        {"phoneNumber": "+442079460101"},
    ],
    "windows-pbx": [
        {"phoneNumber": "004989555010", "name": "Bäckerei Groß; Filiale 2", "mediaChannelId": 1},
        {"phoneNumber": "+4989555011", "mediaChannelId": 1},
    ],
    "zoom-phone-recordings": [
        {"phoneNumber": "+18885550148", "name": "Jane Doe"},
        {"phoneNumber": "+18885550150"},
    ],
}


def rows_of(name: str) -> list[Row]:
    reading = Reading(column_map=read_map(EXAMPLES / f"{name}.toml"))
    rows = list(read_manifest(export_of(name), reading=reading))
    assert all(isinstance(row, Row) for row in rows), rows
    return [row for row in rows if isinstance(row, Row)]


@pytest.mark.parametrize("name", MAPS)
def test_example_makes_the_calls_that_its_export_says(name: str) -> None:
    found = [
        (
            row.line,
            *(row.call.get(field) for field in ("clientUniqueId", "actualStart", "direction", "duration")),
            *(row.call["primaryUser"], row.media),
        )
        for row in rows_of(name)
    ]
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", MAPS)
def test_example_tells_the_rep_from_the_customer(name: str) -> None:
    for row, customer in zip(rows_of(name), PARTIES[name], strict=True):
        rep, other = row.call["parties"]
        assert rep["userId"] == row.call["primaryUser"]
        assert other == customer


@pytest.mark.parametrize("name", MAPS)
def test_example_says_where_its_shape_is_documented(name: str) -> None:
    comment = (EXAMPLES / f"{name}.toml").read_text("utf-8").split("\n\n")[0]
    if name != "windows-pbx":
        assert re.search(r"documented (?:at|in)\s", comment)
        assert "https://" in comment


def test_twilio_s_own_compression_is_read(tmp_path: Path) -> None:
    packed = tmp_path / "2026-02-17.json.gz"
    packed.write_bytes(gzip.compress(export_of("twilio-bulk-export").read_bytes()))
    reading = Reading(column_map=read_map(EXAMPLES / "twilio-bulk-export.toml"))
    assert len(list(read_manifest(packed, reading=reading))) == 2


# --- the way from a first map to one that works


def completed(text: str, name: str, *, candidates: dict[str, str]) -> str:
    """A first map as a person leaves it: ids filled in, and of each field left open the right line chosen."""
    text = re.sub(r'^(".*" = )""', r'\1"234599484848423"', text, flags=re.MULTILINE)
    for field, wanted in candidates.items():
        pattern = rf"^#\? ({re.escape(field)} = .*{re.escape(wanted)}.*)$"
        text, times = re.subn(pattern, r"\1", text, count=1, flags=re.MULTILINE)
        assert times == 1, (field, wanted, text)
    return text


CHOICES: dict[str, dict[str, str]] = {
    "aircall-calls": {"media": '"id"'},
    "bright-pattern-recordings": {"time_zone": "America/New_York"},
    "dialpad-calls": {"media": '"call_id"'},
    "five9-call-log": {"media": '"CALL ID"', "time_zone": "America/New_York"},
    "ringcentral-call-log": {"media": '"recording.id"', "primaryUser": "constant"},
    "talkdesk-calls": {"media": '"call_id"', "time_zone": "America/New_York"},
    "twilio-bulk-export": {"media": '"sid"', "primaryUser": "constant"},
    "windows-pbx": {
        "clientUniqueId": '"Lfd. Nr."',
        "actualStart": "{Datum} {Uhrzeit}",
        "direction": "constant",
        "primaryUser": "constant",
        "time_zone": "America/New_York",
    },
    "zoom-phone-recordings": {"media": '"id"', "primaryUser": "constant"},
}
# Rows that a person leaves out with [rows], and one with a word for a direction that a person has to add.
LEFT_TO_A_PERSON = {
    "aircall-calls": [2],
    "bright-pattern-recordings": [4],
    "dialpad-calls": [4],
    "five9-call-log": [2, 3],
    "ringcentral-call-log": [2],
    "talkdesk-calls": [3],
    "windows-pbx": [5],
}


@pytest.mark.parametrize("name", MAPS)
def test_first_map_is_toml_and_says_what_it_could_not_guess(name: str, tmp_path: Path) -> None:
    text = first_map(export_of(name), encoding=encoding_of(name))
    tomllib.loads(text)
    reading = Reading(column_map=column_map(text, tmp_path))
    with pytest.raises(ManifestUnreadable) as raised:
        read_manifest(export_of(name), reading=reading)
    told = re.findall(r"^  ([\w.]+?)(?:\.values\..+)?: ", str(raised.value), flags=re.MULTILINE)
    required = {"media", "call.clientUniqueId", "call.actualStart", "call.direction", "call.primaryUser"}
    assert set(told) <= required, raised.value


@pytest.mark.parametrize("name", MAPS)
def test_first_map_works_once_it_is_completed(name: str, tmp_path: Path) -> None:
    text = first_map(export_of(name), encoding=encoding_of(name))
    reading = Reading(column_map=column_map(completed(text, name, candidates=CHOICES[name]), tmp_path))
    rows = list(read_manifest(export_of(name), reading=reading))
    assert {row.line for row in rows if not isinstance(row, Row)} <= set(LEFT_TO_A_PERSON.get(name, ()))
    by_line = {row.line: row for row in rows_of(name)}
    for row in rows:
        if isinstance(row, Row) and row.line in by_line and name not in {"five9-call-log", "talkdesk-calls"}:
            expected = by_line[row.line]
            assert row.call["direction"] in {expected.call["direction"], "Unknown"}
            assert row.call["actualStart"][:19] == expected.call["actualStart"][:19]


@pytest.mark.parametrize("name", MAPS)
def test_first_map_is_the_same_from_a_stream(name: str) -> None:
    content = export_of(name).read_bytes()
    by_path = first_map(export_of(name), encoding=encoding_of(name)).splitlines()
    by_stream = first_map(io.BytesIO(content), encoding=encoding_of(name)).splitlines()
    assert by_path[1:] == by_stream[1:]
