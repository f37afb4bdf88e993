"""Maps: what is wrong with one, all at once and by its path."""

from pathlib import Path

import pytest

from pipeline.errors import ManifestUnreadable
from pipeline.manifest import read_map
from tests.unit.manifest.mapping.maps import (
    CALL,
    CELLS,
    MAP,
    MEDIA,
    PARTIES,
    USERS,
    column_map,
    mapped,
    mapped_row,
    problems_of_map,
)


def changed(old: str, new: str) -> str:
    """MAP with one of its lines changed."""
    assert old in MAP
    return MAP.replace(old, new)


def test_map_is_used(tmp_path: Path) -> None:
    row = mapped_row(MAP, tmp_path)
    assert row.call == {
        "clientUniqueId": "7",
        "actualStart": "2026-02-17T10:30:00+01:00",
        "parties": [{"userId": "234599484848423"}, {"phoneNumber": "0044 20 7946 0100"}],
        "direction": "Inbound",
        "primaryUser": "234599484848423",
    }
    assert row.media == "7.wav"


def test_missing_map_is_told_with_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable, match=r"There is no map .*map --init"):
        read_map(tmp_path / "none.toml")


@pytest.mark.parametrize("content", [b"[call", b"a = 1\na = 2\n", b"\xff\xfe[\0"])
def test_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "map.toml"
    path.write_bytes(content)
    with pytest.raises(ManifestUnreadable, match="cannot be read"):
        read_map(path)


def test_what_the_first_map_left_to_a_person_is_pointed_to(tmp_path: Path) -> None:
    line = 'actualStart = "Date"'
    for left_open, told in ((f"#? {line}", True), ("", False)):
        with pytest.raises(ManifestUnreadable) as raised:
            mapped(changed(line, left_open), tmp_path, CELLS)
        assert ("Remove the #? in front of the right line for actualStart" in str(raised.value)) is told


def test_toml_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert column_map("\ufeff" + MAP, tmp_path).document["call"]


def test_what_is_wrong_with_the_file_s_own_part_is_told_before_the_export_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable) as raised:
        column_map(
            '[export]\nencoding = "foo"\ndelimiter = "abc"\ntime_zone = "Mars"\nfromat = "csv"\n'
            'time_format = "%Y"\nempty_words = [""]\n',
            tmp_path,
        )
    paths = [line.split(":")[0].strip() for line in str(raised.value).splitlines()[1:]]
    assert paths == [
        "export.encoding",
        "export.delimiter",
        "export.time_format",
        "export.time_zone",
        "export.empty_words.0",
        "export.fromat",
    ]
    assert "did you mean format?" in str(raised.value)


@pytest.mark.parametrize("text", ["export = 7\n", "export = []\n"])
def test_export_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ManifestUnreadable, match="export: must be a table"):
        column_map(text, tmp_path)


def test_everything_is_told_at_once_with_the_columns_that_there_are(tmp_path: Path) -> None:
    text = """
        [row]
        [call]
        clientUniqueID = "Call ID"
        actualStart = { column = "Dat", fromat = "%Y" }
        direction = { column = "Type", values = { foo = "Inbund" } }
        title = { template = "{Opertor} {x" }
        duration = { column = "Number", unit = "sec" }
        [[call.parties]]
        rep = true
        emailAdress = "Agent"
        mediaChannelId = 3
        [[call.parties]]
        rep = true
        name = { column = "Agent", constant = "x" }
        userId = { column = "Agent", values = "user" }
        [values.users]
        a = "1"
    """
    problems = problems_of_map(text, tmp_path)
    told = {line.split(": ")[0] for line in problems}
    assert told == {
        "row",
        "call.clientUniqueID",
        "call.clientUniqueId",
        "call.actualStart.column",
        "call.actualStart.fromat",
        "call.direction.values.foo",
        "call.title.template",
        "call.duration.unit",
        "call.parties.0.emailAdress",
        "call.parties.0.mediaChannelId",
        "call.parties.1.rep",
        "call.parties.1.name",
        "call.parties.1.userId.values",
        "media",
    }
    with pytest.raises(ManifestUnreadable) as raised:
        mapped(text, tmp_path, CELLS)
    assert str(raised.value).endswith(
        "The columns of The manifest are 'Call ID', 'Date', 'Type', 'Agent', 'Number', 'File'."
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"Call ID"', '"Call Id"', "call.clientUniqueId: there is no column 'Call Id'; is 'Call ID' meant?"),
        ('"Type"', '"Inbound"', 'write { constant = "Inbound" }'),
        ('"Type"', '{ constant = "In" }', "call.direction.constant: must be one of Inbound, Outbound"),
        ('"Date"', '{ column = "Date", format = "%d.%m.%Y %H:%M" }', "give their time zone"),
        ('"Date"', '{ column = "Date", zone = "Mars" }', "call.actualStart.zone: 'Mars' is not a time zone"),
        (
            '"Date"',
            '{ column = "Date", zone_column = "Zone" }',
            "call.actualStart.zone_column: there is no column",
        ),
        (
            '"Date"',
            '{ constant = "today" }',
            'call.actualStart.constant: "today" is not a time with an offset',
        ),
        ('"Date"', '{ column = "Date", unit = "s" }', "call.actualStart.unit: unknown field"),
        ('"Date"', "2026-02-17", 'call.actualStart: must be "Call ID" for a column, or'),
        ('"Date"', '["Date"]', 'call.actualStart: must be "Call ID" for a column, or'),
        ('"Date"', '{ template = "Date" }', "call.actualStart.template: names no column"),
        ('"Date"', "{ }", "call.actualStart: says nowhere where the value comes from"),
        ('"Date"', "7", "call.actualStart: must be text"),
        (
            '"Type"',
            '{ inbound = "Type" }',
            "call.direction.inbound: unknown field",
        ),
        ('phoneNumber = "Number"', 'phoneNumber = { inbound = "Nmber" }', "is 'Number' meant?"),
        (
            'phoneNumber = "Number"',
            'phoneNumber = { inbound = { column = "Number", default = "x" } }',
            "what else belongs to the source stands beside it",
        ),
        (
            'phoneNumber = "Number"',
            'phoneNumber = { column = "Number", inbound = "Type" }',
            "call.parties.1.phoneNumber: must have only one of column, inbound",
        ),
        (
            'phoneNumber = "Number"',
            'phoneNumber = { constant = "1", default = "2" }',
            "is a constant, so nothing else in it counts",
        ),
        (
            'phoneNumber = "Number"',
            'phoneNumber = { column = "Number", otherwise = "2" }',
            "has 'otherwise' without values",
        ),
        (
            'phoneNumber = "Number"',
            'phoneNumber = { column = "Number", values = { a = 7 } }',
            'call.parties.1.phoneNumber.values.a: must be text; write "7" in quotation marks',
        ),
        (
            'phoneNumber = "Number"',
            'phoneNumber = { column = "Number", values_file = "none.csv" }',
            "none.csv cannot be read: No such file",
        ),
        (
            'phoneNumber = "Number"',
            'phoneNumber = { column = "Number", values = ["a"] }',
            "must be a table of values",
        ),
        ('values = "users"', 'values = "usrs"', "no table 'usrs' below [values]; is 'users' meant?"),
        (
            '"Jane Doe" = "234599484848423"',
            '"Jane Doe" = ""',
            "values.Jane Doe: has no value yet; fill it in",
        ),
        ("rep = true", "rep = 1", "call.parties.0.rep: must be true or false"),
        ("rep = true", "", "call.parties: has no rep: write rep = true"),
        ('column = "File"', 'column = "File"\nextension = "docx"', "media.extension: 'docx' is no ending"),
        (
            'column = "File"',
            'column = "File"\nfoldr = "x"',
            "media.foldr: unknown field; did you mean folder?",
        ),
        ('column = "File"', 'constant = ""', "media.constant: must not be empty"),
        (MEDIA, "", "media: is required"),
        (PARTIES, "", "call.parties: is required"),
        (CALL + PARTIES, "[call]\nparties = []\n", "call.parties: must have at least 1 item"),
        (CALL + PARTIES, "", "call: is required"),
        (CALL + PARTIES, "call = 7\n", "call: must be an object"),
        (USERS, "values = 7\n", "there is no table 'users' below [values]"),
        (USERS, "[values]\nusers = 7\n", "values: must hold tables of their own"),
        (
            USERS,
            USERS + '[rows]\nonly = { Typ = ["x"] }\n',
            "rows.only.Typ: there is no column 'Typ'; is 'Type' meant?",
        ),
        (USERS, USERS + '[rows]\nskip = { Type = "x" }\n', "rows.skip.Type: must be a list"),
        (
            USERS,
            USERS + '[rows]\nfilled = ["Fil"]\n',
            "rows.filled.0: there is no column 'Fil'; is 'File' meant?",
        ),
        (USERS, USERS + "[rows]\nempty = 1\n", "rows.empty: unknown field"),
    ],
)
def test_problem_is_told_by_its_path_with_what_would_be_right(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    text = changed(old, new)
    if new == "values = 7\n":  # a key of the top level stands above all tables
        text = new + CALL + PARTIES + MEDIA
    if new == "call = 7\n":
        text = new + MEDIA + USERS
    told = problems_of_map(text, tmp_path)
    assert any(problem in line for line in told), told


def test_values_and_a_file_of_values_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("a,1\n")
    (problem,) = problems_of_map(
        changed('values = "users"', 'values = "users", values_file = "users.csv"'), tmp_path
    )
    assert problem == "call.primaryUser: must have only one of values, values_file"


@pytest.mark.parametrize("required", ["clientUniqueId", "actualStart", "direction"])
def test_required_field_that_is_not_mapped_is_told(tmp_path: Path, required: str) -> None:
    text = "\n".join(line for line in MAP.splitlines() if not line.startswith(required))
    (problem,) = problems_of_map(text, tmp_path)
    assert problem.startswith(f"call.{required}: is required: ")


def test_primary_user_that_nobody_is_is_told_with_how_to_look_it_up(tmp_path: Path) -> None:
    (problem,) = problems_of_map(
        changed('primaryUser = { column = "Agent", values = "users" }\n', ""), tmp_path
    )
    assert "call.primaryUser: is required" in problem
    assert 'values = "users"' in problem


def test_primary_user_may_be_the_rep_s_user_id(tmp_path: Path) -> None:
    source = '{ column = "Agent", values = "users" }'
    text = changed(f"primaryUser = {source}\n", "").replace("rep = true", f"rep = true\nuserId = {source}")
    row = mapped_row(text, tmp_path)
    assert row.call["primaryUser"] == "234599484848423"
    assert row.call["parties"][0] == {"userId": "234599484848423"}


def test_party_may_have_a_user_id_without_being_called_the_rep(tmp_path: Path) -> None:
    text = changed("rep = true", 'userId = { column = "Agent", values = "users" }')
    assert mapped_row(text, tmp_path).call["parties"][0] == {"userId": "234599484848423"}


def test_many_problems_are_cut_and_counted(tmp_path: Path) -> None:
    text = MAP + "".join(f"unknown{place} = 1\n" for place in range(60))
    assert problems_of_map(text, tmp_path)  # they stand in [values.users] there
    top = "".join(f"unknown{place} = 1\n" for place in range(60)) + MAP
    assert problems_of_map(top, tmp_path)[-1] == "and 20 more"


def test_column_that_stands_twice_is_refused_only_if_it_is_used(tmp_path: Path) -> None:
    reading = column_map(MAP, tmp_path)
    reading.bind([*CELLS, "Extra", "Extra"], "x.csv")
    with pytest.raises(ManifestUnreadable, match="the column 'Date' stands there 2 times"):
        reading.bind([*CELLS, "Date"], "x.csv")
