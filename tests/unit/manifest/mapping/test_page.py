"""The page docs/mapping.md: its example works, and every key that a map can have stands there."""

import io
import re
from pathlib import Path

from pipeline.manifest import Reading, Row, read_manifest
from pipeline.manifest.mapping.schema import EXPORT_SCHEMA
from pipeline.manifest.mapping.source import DIRECTIONS, ORIGINS
from pipeline.manifest.mapping.times import AMBIGUOUS, NAMED_FORMATS
from tests.unit.manifest.mapping.maps import column_map

PAGE = (Path(__file__).parents[4] / "docs" / "mapping.md").read_text("utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


def test_example_makes_two_calls_and_leaves_one_row_out(tmp_path: Path) -> None:
    column = column_map(block("toml"), tmp_path)
    rows = list(read_manifest(io.BytesIO(block("csv").encode()), reading=Reading(column_map=column)))
    assert [isinstance(row, Row) and row.media for row in rows] == ["2026/1001.wav", "2026/1002.wav"]
    assert column.left_out == 1
    first, second = (row.call for row in rows if isinstance(row, Row))
    assert first == {
        "clientUniqueId": "pbx-1001",
        "title": "Call with Bakery Ltd",
        "actualStart": "2026-02-17T09:30:00-05:00",
        "duration": 310,
        "parties": [
            {"name": "Jane Doe", "mediaChannelId": 1, "userId": "234599484848423"},
            {"phoneNumber": "+49 89 555010", "name": "Bakery Ltd"},
        ],
        "direction": "Inbound",
        "context": [
            {"system": "Salesforce", "objects": [{"objectType": "Account", "objectId": "0013601230sV7grAAC"}]}
        ],
        "languageCode": "en-US",
        "primaryUser": "234599484848423",
    }
    assert (second["direction"], second["parties"][0]["mediaChannelId"]) == ("Outbound", 0)
    assert second["parties"][1] == {"phoneNumber": "0049895550"}
    assert not {"context", "title"} & set(second)


def test_every_key_stands_on_the_page() -> None:
    keys = {*EXPORT_SCHEMA().fields, *ORIGINS, *DIRECTIONS, *AMBIGUOUS, *NAMED_FORMATS}
    keys |= {"values", "values_file", "otherwise", "default", "format", "zone", "zone_column", "unit"}
    keys |= {"folder", "extension", "remove_prefix", "windows_paths", "only", "skip", "filled", "rep"}
    missing = [key for key in keys if not re.search(rf"\b{key}\b", PAGE)]
    assert not missing


def test_every_example_is_named_on_the_page() -> None:
    for system in (
        "Aircall",
        "Bright Pattern",
        "Dialpad",
        "Five9",
        "RingCentral",
        "Talkdesk",
        "Twilio",
        "Zoom",
    ):
        assert system in PAGE
