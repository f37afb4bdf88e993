"""First maps: what is guessed, by what, and what is left to a person."""

import io
import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ManifestUnreadable
from pipeline.manifest.mapping.guess import first_map
from tests.unit.manifest.builders import cells_table
from tests.unit.manifest.mapping.maps import COLUMNS, first, of_columns


def left_open(content: bytes, field: str) -> list[str]:
    """The candidates for a field that was not guessed."""
    lines = first_map(io.BytesIO(content)).splitlines()
    start = f"#? {field} = "
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


def test_everything_that_is_plain_is_guessed() -> None:
    made = first(of_columns(COLUMNS))
    assert made["media"] == {"column": "File"}
    assert made["export"] == {"format": "csv"}
    assert made["call"] == {
        "clientUniqueId": "Call ID",
        "actualStart": "Start Time",
        "direction": "Direction",
        "primaryUser": {"column": "Agent", "values": "users"},
        "parties": [{"rep": True, "name": "Agent"}, {"phoneNumber": "Phone Number"}],
    }
    assert made["values"] == {"users": {"Jane": "", "Joe": ""}}


def test_each_guess_says_by_what() -> None:
    text = first_map(io.BytesIO(of_columns(COLUMNS)))
    assert (
        "# Guessed by the header; filled, and different in each of its first 2 rows.\nclientUniqueId" in text
    )
    assert '"Jane" = ""  # in 1 of the first rows' in text


@pytest.mark.parametrize("ids", [["1", "1"], ["1", ""]])
def test_id_that_is_not_different_in_each_row_is_left_to_a_person(ids: list[str]) -> None:
    content = of_columns(COLUMNS | {"Call ID": ids})
    assert "clientUniqueId" not in first(content)["call"]
    assert '"Call ID"' in left_open(content, "clientUniqueId")


def test_day_and_month_that_could_be_either_are_left_to_a_person() -> None:
    content = of_columns(COLUMNS | {"Start Time": ["02/03/2026 10:30", "04/05/2026 10:30"]})
    assert "actualStart" not in first(content)["call"]
    assert left_open(content, "actualStart") == [
        '{ column = "Start Time", format = "%m/%d/%Y %H:%M" }',
        '{ column = "Start Time", format = "%d/%m/%Y %H:%M" }',
    ]


@pytest.mark.parametrize("day", ["02/13/2026 10:30", "02/02/2026 10:30"])
def test_one_day_that_tells_them_apart_is_enough(day: str) -> None:
    content = of_columns(COLUMNS | {"Start Time": ["02/02/2026 10:30", day]})
    assert first(content)["call"]["actualStart"] == {"column": "Start Time", "format": "%m/%d/%Y %H:%M"}
    assert 'time_zone = "America/New_York"' in first_map(io.BytesIO(content))


@pytest.mark.parametrize(
    ("values", "source"),
    [
        (["1771317000", "1771317001"], {"column": "Start Time", "format": "epoch_s"}),
        (["1771317000123", "1771317001123"], {"column": "Start Time", "format": "epoch_ms"}),
        (
            ["Tue, 31 Aug 2010 20:36:28 +0000", "Wed, 1 Sep 2010 20:36:28 -0700"],
            {"column": "Start Time", "format": "rfc2822"},
        ),
        (
            ["2026/02/17 10:30:00 +0100", "2026/02/17 10:30:00 -0500"],
            {"column": "Start Time", "format": "%Y/%m/%d %H:%M:%S %z"},
        ),
        (
            ["Feb 17, 2026 1:30 PM", "Mar 1, 2026 2:00 AM"],
            {"column": "Start Time", "format": "%b %d, %Y %I:%M %p"},
        ),
        (["17-Feb-26 13:30", "01-Mar-26 02:00"], {"column": "Start Time", "format": "%d-%b-%y %H:%M"}),
        (
            ["17.02.2026 13:30:01", "01.03.2026 02:00:00"],
            {"column": "Start Time", "format": "%d.%m.%Y %H:%M:%S"},
        ),
    ],
)
def test_form_of_the_times_is_told_by_all_values(values: list[str], source: object) -> None:
    assert first(of_columns(COLUMNS | {"Start Time": values}))["call"]["actualStart"] == source


def test_zone_is_told_by_the_header_or_by_a_column() -> None:
    times = ["2026-02-17 10:30:00", "2026-02-18 10:30:00"]
    columns = {name: values for name, values in COLUMNS.items() if name != "Start Time"}
    assert first(of_columns(columns | {"Start Time (UTC)": times}))["call"]["actualStart"] == {
        "column": "Start Time (UTC)",
        "zone": "UTC",
    }
    by_column = columns | {"Start Time": times, "timezone": ["Europe/Paris", "UTC"]}
    assert first(of_columns(by_column))["call"]["actualStart"]["zone_column"] == "timezone"
    no_zone = columns | {"Start Time": times, "timezone": ["CET (summer)", "UTC"]}
    assert left_open(of_columns(no_zone), "time_zone") == ['"America/New_York"']


def test_words_for_a_direction_that_are_not_known_are_told() -> None:
    content = of_columns(COLUMNS | {"Direction": ["outbound-api", "Callback"]})
    assert first(content)["call"]["direction"] == {
        "column": "Direction",
        "values": {"outbound-api": "Outbound"},
    }
    assert "not known: 'Callback': add them to values" in first_map(io.BytesIO(content))


def test_column_of_other_words_is_no_direction() -> None:
    columns = {name if name != "Direction" else "Richtung": values for name, values in COLUMNS.items()}
    content = of_columns(columns | {"Richtung": ["kommend", "gehend"]})
    assert "direction" not in first(content)["call"]
    assert '{ column = "Richtung", values = { kommend = "…", gehend = "…" } }' in left_open(
        content, "direction"
    )


@pytest.mark.parametrize(
    ("name", "values", "source"),
    [
        ("Duration", ["125", "7.5"], "Duration"),
        ("Duration (ms)", ["125000", "7"], {"column": "Duration (ms)", "unit": "ms"}),
        ("duration_ms", ["125000", "7"], {"column": "duration_ms", "unit": "ms"}),
        ("Duration (minutes)", ["2", "7"], {"column": "Duration (minutes)", "unit": "min"}),
        ("Length", ["0:02:05", "12:05"], {"column": "Length", "unit": "hh:mm:ss"}),
        ("Duration", ["2m 5s", "7s"], None),
    ],
)
def test_duration_and_its_unit_are_told_by_header_and_values(
    name: str, values: list[str], source: object
) -> None:
    assert first(of_columns(COLUMNS | {name: values}))["call"].get("duration") == source


def test_numbers_of_both_ends_are_told_apart_by_the_direction() -> None:
    columns = {name: values for name, values in COLUMNS.items() if name != "Phone Number"}
    numbers = ["+4989555010", "+4989555011"]
    made = first(
        of_columns(columns | {"From": numbers, "To": numbers, "From Name": ["a", "b"], "To Name": ["c", "d"]})
    )
    rep, customer = made["call"]["parties"]
    assert rep["phoneNumber"] == {"inbound": "To", "outbound": "From"}
    assert customer == {
        "phoneNumber": {"inbound": "From", "outbound": "To"},
        "name": {"inbound": "From Name", "outbound": "To Name"},
    }


def test_key_of_the_reps_is_an_address_before_a_name() -> None:
    made = first(of_columns(COLUMNS | {"Agent Email": ["jane@acme.com", "joe@acme.com"]}))
    # It is looked up in Gong: nobody has to fill in an id.
    assert made["call"]["primaryUser"] == "Agent Email"
    assert "values" not in made
    assert made["call"]["parties"][0] == {"rep": True, "emailAddress": "Agent Email", "name": "Agent"}


def test_many_reps_are_asked_for_in_a_file() -> None:
    rows = 250
    columns = {name: [values[0]] * rows for name, values in COLUMNS.items()} | {
        "Call ID": [str(place) for place in range(rows)],
        "Agent": [f"Agent {place}" for place in range(rows)],
    }
    made = first(of_columns(columns))
    assert made["call"]["primaryUser"] == {"column": "Agent", "values_file": "users.csv"}
    assert "values" not in made


def test_words_for_nothing_are_told_and_count_for_nothing() -> None:
    made = first(of_columns(COLUMNS | {"Phone Number": ["+4989555010", "N/A"]}))
    assert made["export"]["empty_words"] == ["N/A"]
    assert made["call"]["parties"][1] == {"phoneNumber": "Phone Number"}


def test_paths_of_windows_are_told_with_what_to_add() -> None:
    content = of_columns(COLUMNS | {"File": ["D:\\rec\\1.wav", "D:\\rec\\2.wav"]})
    assert first(content)["media"] == {"column": "File", "windows_paths": True}
    assert "remove_prefix = 'C:\\Recordings\\'" in first_map(io.BytesIO(content))


def test_addresses_are_offered_but_not_used() -> None:
    url = "https://media.acme.com/1.mp3"
    content = of_columns(COLUMNS | {"recording_url": [url, url]})
    assert "downloadMediaUrl" not in first(content)["call"]
    assert left_open(content, "downloadMediaUrl") == ['"recording_url"']


def test_characters_that_no_file_can_have_do_no_harm() -> None:
    content = b'{"agent\\ud800": "a\\ud800", "type": "in\\u0000bound", "\\n": "x\\ny"}\n' * 2
    text = first_map(io.BytesIO(content))
    text.encode()
    assert tomllib.loads(text)["export"] == {"format": "jsonl"}


def test_column_whose_name_no_template_can_have_is_not_put_into_one() -> None:
    columns = {name: values for name, values in COLUMNS.items() if name != "Start Time"}
    times = {"Date {local}": ["02/17/2026", "02/18/2026"], "Time": ["10:30:00", "10:31:00"]}
    assert "template" not in first_map(io.BytesIO(of_columns(columns | times)))


_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=12)


@given(
    st.lists(_WORDS, min_size=2, max_size=5),
    st.lists(st.lists(_WORDS, min_size=2, max_size=5), min_size=1, max_size=4),
)
def test_whatever_the_table_holds_the_first_map_is_toml_or_it_is_refused(
    header: list[str], rows: list[list[str]]
) -> None:
    content = cells_table(header, *rows)
    try:
        text = first_map(io.BytesIO(content))
    except ManifestUnreadable:
        return
    assert tomllib.loads(text)["export"]["format"] in {"csv", "jsonl"}


@given(st.dictionaries(_WORDS, _WORDS | st.integers() | st.none() | st.booleans(), min_size=1, max_size=5))
def test_whatever_an_object_holds_the_first_map_is_toml(record: dict[str, Any]) -> None:
    content = (json.dumps(record) + "\n").encode()
    assert tomllib.loads(first_map(io.BytesIO(content)))["export"]["format"] == "jsonl"
