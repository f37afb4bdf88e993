"""Rows: what a map makes of them, and how their problems are told."""

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.call import encode_call
from pipeline.errors import MediaRefused
from pipeline.manifest import Reading, RejectedRow, Row, read_manifest
from tests.unit.manifest.mapping.maps import (
    CELLS,
    MAP,
    MEDIA,
    column_map,
    export_of,
    mapped,
    mapped_row,
    rejected_row,
)


def with_lines(*lines: str) -> str:
    """MAP with more lines in [call]."""
    return MAP.replace("[call]\n", "\n".join(("[call]", *lines, "")))


def in_party(*lines: str) -> str:
    """MAP with more lines in the party that is not the rep's."""
    return MAP.replace(MEDIA, "\n".join((*lines, MEDIA)))


# --- values


def test_cells_keep_their_form(tmp_path: Path) -> None:
    row = mapped_row(MAP, tmp_path, **{"Call ID": "0007", "Number": "+44 (0) 20-7946"})
    assert row.call["clientUniqueId"] == "0007"
    assert row.call["parties"][1] == {"phoneNumber": "+44 (0) 20-7946"}


def test_template_is_filled_in_and_trimmed(tmp_path: Path) -> None:
    text = with_lines('title = { template = "{Type}: {Agent} {File}" }')
    assert mapped_row(text, tmp_path).call["title"] == "Incoming: Jane Doe 7.wav"
    padded = with_lines('title = { template = "{Number} {Type} " }')
    assert mapped_row(padded, tmp_path, Number=" ").call["title"] == "Incoming"


def test_template_of_empty_columns_alone_is_absent(tmp_path: Path) -> None:
    text = with_lines('title = { template = "Call with {Number}" }')
    assert "title" not in mapped_row(text, tmp_path, Number="").call


def test_braces_of_a_cell_are_text(tmp_path: Path) -> None:
    text = with_lines('title = { template = "{Agent}" }').replace('"Jane Doe" =', '"{Type} {0}" =')
    assert mapped_row(text, tmp_path, Agent="{Type} {0}").call["title"] == "{Type} {0}"


def test_client_unique_id_needs_every_column_of_its_template(tmp_path: Path) -> None:
    text = MAP.replace('= "Call ID"', '= { template = "{Call ID}-{Number}" }')
    assert mapped_row(text, tmp_path).call["clientUniqueId"] == "7-0044 20 7946 0100"
    rejected = rejected_row(text, tmp_path, Number="")
    (problem,) = rejected.problems
    assert problem.field == "clientUniqueId (columns 'Call ID', 'Number')"
    assert "empty in this row: 'Number'" in problem.message


@pytest.mark.parametrize("cell", ["1.23457E+17", "1,23457E+17", "8E+10"])
def test_number_that_a_spreadsheet_has_shortened_is_refused(tmp_path: Path, cell: str) -> None:
    rejected = rejected_row(MAP, tmp_path, **{"Call ID": cell})
    assert "a spreadsheet has shortened" in rejected.reason


def test_default_stands_for_an_empty_cell_alone(tmp_path: Path) -> None:
    text = MAP.replace('= "Type"', '= { column = "Type", default = "Unknown" }')
    assert mapped_row(text, tmp_path, Type=" ").call["direction"] == "Unknown"
    assert mapped_row(text, tmp_path).call["direction"] == "Inbound"
    assert "'x' is none of the words" in rejected_row(text, tmp_path, Type="x").reason


def test_otherwise_stands_for_a_word_that_is_in_no_table(tmp_path: Path) -> None:
    text = MAP.replace('= "Type"', '= { column = "Type", otherwise = "Unknown" }')
    assert mapped_row(text, tmp_path, Type="callback").call["direction"] == "Unknown"
    assert mapped_row(text, tmp_path, Type="OUT").call["direction"] == "Outbound"


def test_words_of_a_map_come_before_those_that_are_known(tmp_path: Path) -> None:
    text = MAP.replace(
        '= "Type"', '= { column = "Type", values = { manual = "Outbound", "IN" = "Conference" } }'
    )
    directions = [
        mapped_row(text, tmp_path, Type=each).call["direction"] for each in ("Manual", "in", "inbound")
    ]
    assert directions == ["Outbound", "Conference", "Inbound"]


def test_values_may_stand_in_a_file_beside_the_map(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("jane doe,99\n")
    text = MAP.replace('values = "users"', 'values_file = "users.csv"')
    assert mapped_row(text, tmp_path).call["primaryUser"] == "99"


def test_long_table_of_values_is_counted_not_listed(tmp_path: Path) -> None:
    users = "".join(f'"user {place}" = "{place}"\n' for place in range(500))
    rejected = rejected_row(MAP + users, tmp_path, Agent="Nobody")
    assert rejected.reason.count("'Nobody' is none of the 501 words in its values") == 1


def test_number_and_boolean_are_what_the_field_needs(tmp_path: Path) -> None:
    text = with_lines('duration = "Number"').replace('phoneNumber = "Number"', 'mediaChannelId = "File"')
    row = mapped_row(text, tmp_path, Number="125.80", File="1")
    assert '"duration":125.80' in encode_call(row.call)
    assert row.call["parties"][1] == {"mediaChannelId": 1}


def test_time_with_its_own_offset_stays_as_it_is(tmp_path: Path) -> None:
    text = '[export]\ntime_zone = "Asia/Tokyo"\n' + MAP
    for time in ("2026-02-17T10:30:00.354Z", "2026-02-17T10:30:00-08:00"):
        assert mapped_row(text, tmp_path, Date=time).call["actualStart"] == time
    assert (
        mapped_row(text, tmp_path, Date="2026-02-17 10:30").call["actualStart"] == "2026-02-17T10:30:00+09:00"
    )


def test_field_s_own_zone_comes_before_that_of_the_export_and_a_column_before_both(tmp_path: Path) -> None:
    source = '{ column = "Date", zone = "Europe/Berlin", zone_column = "Number" }'
    text = '[export]\ntime_zone = "Asia/Tokyo"\n' + MAP.replace('= "Date"', f"= {source}")
    starts = [
        mapped_row(text, tmp_path, Date="2026-02-17 10:30", Number=zone).call["actualStart"][-6:]
        for zone in ("America/New_York", "")
    ]
    assert starts == ["-05:00", "+01:00"]
    assert (
        "'2026-02-17 10:30' 'Mars' is not a time zone"
        in rejected_row(text, tmp_path, Date="2026-02-17 10:30", Number="Mars").reason
    )


@pytest.mark.parametrize(
    ("export", "own", "offset"), [("later", "", "-05:00"), ("later", ', ambiguous = "earlier"', "-04:00")]
)
def test_hour_that_comes_twice_is_chosen_for_the_export_or_for_the_field(
    tmp_path: Path, export: str, own: str, offset: str
) -> None:
    text = f'[export]\ntime_zone = "America/New_York"\nambiguous = "{export}"\n'
    text += MAP.replace('= "Date"', f'= {{ column = "Date"{own} }}')
    assert mapped_row(text, tmp_path, Date="2026-11-01 01:30").call["actualStart"][-6:] == offset


def test_time_without_offset_and_zone_is_refused_with_what_to_give(tmp_path: Path) -> None:
    rejected = rejected_row(MAP, tmp_path, Date="2026-02-17 10:30")
    assert "give the time zone of the export" in rejected.reason


# --- the direction


def test_source_may_differ_by_direction(tmp_path: Path) -> None:
    text = in_party('name = { inbound = "Agent", outbound = { template = "to {Number}" } }')
    text = text.replace("rep = true", "rep = true\nmediaChannelId = { inbound = 1, outbound = 0 }")
    inbound, outbound = (mapped_row(text, tmp_path, Type=each).call["parties"] for each in ("in", "out"))
    assert [inbound[0]["mediaChannelId"], inbound[1]["name"]] == [1, "Jane Doe"]
    assert [outbound[0]["mediaChannelId"], outbound[1]["name"]] == [0, "to 0044 20 7946 0100"]
    conference = mapped_row(text, tmp_path, Type="Conference").call["parties"]
    assert ["mediaChannelId" in conference[0], "name" in conference[1]] == [False, False]


def test_values_and_default_apply_to_whichever_was_chosen(tmp_path: Path) -> None:
    source = '{ inbound = "Agent", outbound = "Number", values = "users", default = "0" }'
    text = MAP.replace('primaryUser = { column = "Agent", values = "users" }', f"primaryUser = {source}")
    assert mapped_row(text, tmp_path, Type="in").call["primaryUser"] == "234599484848423"
    assert mapped_row(text, tmp_path, Type="out", Number="jane doe").call["primaryUser"] == "234599484848423"
    assert mapped_row(text, tmp_path, Type="conference").call["primaryUser"] == "0"


def test_direction_that_is_unfit_is_told_once(tmp_path: Path) -> None:
    text = in_party('name = { inbound = "Agent", outbound = "Number" }')
    rejected = rejected_row(text, tmp_path, Type="sideways")
    assert [problem.field for problem in rejected.problems] == ["direction (column 'Type')"]


# --- parties and other groups


def test_party_whose_columns_are_empty_is_left_out_with_its_constants(tmp_path: Path) -> None:
    text = in_party("mediaChannelId = 1", "[[call.parties]]", 'name = { constant = "Bot" }')
    assert mapped_row(text, tmp_path, Number="").call["parties"] == [
        {"userId": "234599484848423"},
        {"name": "Bot"},
    ]


def test_group_within_a_group_is_left_out_when_its_columns_are_empty(tmp_path: Path) -> None:
    text = MAP + '[[call.context]]\nsystem = { constant = "Salesforce" }\n[[call.context.objects]]\n'
    text += 'objectType = { constant = "Account" }\nobjectId = "Number"\n'
    text += '[call.flowContext]\ntaskId = "Number"\n'
    filled, empty = mapped_row(text, tmp_path, Number="001"), mapped_row(text, tmp_path, Number="")
    assert filled.call["context"] == [
        {"system": "Salesforce", "objects": [{"objectType": "Account", "objectId": "001"}]}
    ]
    assert filled.call["flowContext"] == {"taskId": "001"}
    assert not {"context", "flowContext"} & set(empty.call)


def test_fields_stand_in_the_order_of_the_document_whatever_that_of_the_map(tmp_path: Path) -> None:
    lines = MAP.splitlines()
    moved = "\n".join([lines[0], *reversed(lines[1:5]), *lines[5:]])
    assert moved != MAP
    assert encode_call(mapped_row(moved, tmp_path).call) == encode_call(mapped_row(MAP, tmp_path).call)


# --- problems


def test_every_problem_of_a_row_is_told_with_field_and_column(tmp_path: Path) -> None:
    text = with_lines('duration = { column = "File", unit = "hh:mm:ss" }', 'meetingUrl = "File"')
    text = text.replace("rep = true", 'rep = true\nemailAddress = "Number"')
    rejected = rejected_row(
        text, tmp_path, Date="noon", Type="sideways", Agent="Nobody", Number="n/a", File="x.wav"
    )
    assert [problem.field for problem in rejected.problems] == [
        "actualStart (column 'Date')",
        "duration (column 'File')",
        "direction (column 'Type')",
        "primaryUser (column 'Agent')",
        "parties.0.emailAddress (column 'Number')",
    ]
    assert (rejected.line, rejected.code, rejected.client_unique_id) == (2, "call_invalid", "7")
    assert (
        rejected.original
        == export_of(
            CELLS | {"Date": "noon", "Type": "sideways", "Agent": "Nobody", "Number": "n/a", "File": "x.wav"}
        ).splitlines()[1]
    )


def test_problem_of_a_later_party_is_told_by_its_place_in_the_call(tmp_path: Path) -> None:
    text = in_party("[[call.parties]]", 'emailAddress = "File"')
    rejected = rejected_row(text, tmp_path, Number="")
    assert [problem.field for problem in rejected.problems] == ["parties.1.emailAddress (column 'File')"]


def test_required_field_whose_column_is_empty_is_told_with_the_column(tmp_path: Path) -> None:
    rejected = rejected_row(MAP, tmp_path, **{"Call ID": "", "Date": " "})
    assert rejected.reason == (
        "clientUniqueId (column 'Call ID'): is required; actualStart (column 'Date'): is required"
    )


def test_media_that_is_unfit_or_refused_is_told_with_its_column(tmp_path: Path) -> None:
    text = MAP.replace('column = "File"', 'column = "File"\nremove_prefix = "/rec/"')
    rejected = rejected_row(text, tmp_path)
    assert rejected.reason == (
        "media (column 'File'): '7.wav' does not begin with '/rec/', which remove_prefix says"
    )

    def refuse(media: str) -> None:
        raise MediaRefused("media_missing", f"There is no {media}.")

    reading = Reading(column_map=column_map(MAP, tmp_path))
    (row,) = read_manifest(io.BytesIO(export_of(CELLS)), reading=reading, check_media=refuse)
    assert isinstance(row, RejectedRow)
    assert (row.code, row.reason) == ("media_missing", "media (column 'File'): There is no 7.wav.")


def test_row_without_media_needs_an_address(tmp_path: Path) -> None:
    text = with_lines('downloadMediaUrl = "Number"')
    url = "https://media.acme.com/7.mp3"
    assert mapped_row(text, tmp_path, File="", Number=url).media is None
    assert "downloadMediaUrl (column 'Number')" in rejected_row(text, tmp_path, File="", Number="").reason
    assert "must not be given beside media" in rejected_row(text, tmp_path, Number=url).reason


# --- properties

_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(CELLS, _CELLS)), min_size=1, max_size=4))
def test_whatever_stands_in_the_cells_each_row_is_mapped_or_rejected_and_good_rows_go_on(
    tmp_path: Path, junk: list[dict[str, str]]
) -> None:
    text = with_lines(
        'duration = { column = "Number", unit = "hh:mm:ss" }', 'title = { template = "{Agent}{File}" }'
    )
    text = text.replace('phoneNumber = "Number"', 'phoneNumber = { inbound = "Number", outbound = "Agent" }')
    rows = mapped(text, tmp_path, CELLS | {"Number": "1:00"}, *junk, CELLS | {"Number": "2:00"})
    assert isinstance(rows[0], Row)
    assert isinstance(rows[-1], Row)
    assert rows[0].call["duration"] == 60
    for row in rows:
        if isinstance(row, RejectedRow):
            assert row.problems
            row.reason.encode()
