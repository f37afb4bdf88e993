"""From cells to calls."""

from typing import Any

import pytest

from pipeline.call import encode_call
from pipeline.errors import ManifestUnreadable
from pipeline.manifest.columns import Columns
from tests.unit.manifest.builders import make_cells


def columns(cells: dict[str, str]) -> Columns:
    return Columns.of_header(list(cells), "calls.csv, line 1")


def call_of(**cells: str) -> dict[str, Any]:
    row = make_cells(**cells)
    return columns(row).call(list(row.values()))


def test_header_is_refused_with_its_place_and_every_problem() -> None:
    with pytest.raises(ManifestUnreadable) as raised:
        Columns.of_header(["titel", "media"], "calls.csv, line 1")
    message = str(raised.value)
    assert message.startswith("calls.csv, line 1: column 'titel' is not known; is 'title' meant?; ")
    assert message.endswith("parties.0.userId'.")


def test_header_of_another_file_is_refused_in_a_short_message() -> None:
    with pytest.raises(ManifestUnreadable) as raised:
        Columns.of_header(["media", *(str(number) * 500 for number in range(50_000))], "calls.csv, line 1")
    message = str(raised.value)
    assert message.endswith("; and there are more.")
    assert len(message) < 4_000


def test_who_has_the_export_of_another_system_is_told_how_to_go_on() -> None:
    with pytest.raises(ManifestUnreadable) as raised:
        Columns.of_header(["Call ID", "Agent", "Started"], "export.csv, line 1")

    hint = "for the export of another system, `gong-ingest map --init EXPORT --output map.toml` writes"
    assert str(raised.value).startswith(f"export.csv, line 1: it has none of the columns of a call; {hint}")
    # some names are those of a call by chance
    with pytest.raises(ManifestUnreadable) as raised:
        Columns.of_header(["Call ID", "direction", "Started"], "export.csv, line 1")
    assert str(raised.value).endswith(f"; {hint} a first map, and --map reads with it.")


def test_white_space_around_a_name_does_not_count() -> None:
    names = [f" {name} " for name in make_cells()]
    assert Columns.of_header(names, "").call(list(make_cells().values()))["clientUniqueId"] == "pbx-1"


@pytest.mark.parametrize(
    ("cell", "sent"),
    [
        ("125.80", "125.80"),
        ("125", "125"),
        ("0", "0"),
        ("-0.5", "-0.5"),
        ("1E2", "1E2"),
        (" 125.8 ", "125.8"),
        ("12345678901234567890123", "12345678901234567890123"),
    ],
)
def test_number_is_sent_as_it_stands_in_the_cell(cell: str, sent: str) -> None:
    assert f'"duration":{sent}' in encode_call(call_of(duration=cell))


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "125,80",
            "00125",
            "+125",
            ".5",
            "5.",
            "1e",
            "0x10",
            "NaN",
            "Infinity",
            "1_000",
            "1e999",
            "9" * 5_000,
        ),
        *("12\n5", '1,"a":2', "true", "[1]", "١٢"),
    ],
)
def test_what_is_no_json_number_stays_text(cell: str) -> None:
    assert call_of(duration=cell)["duration"] == cell


def test_channel_is_an_integer() -> None:
    channel = call_of(**{"parties.0.mediaChannelId": "0"})["parties"][0]["mediaChannelId"]
    assert type(channel) is int
    assert channel == 0


@pytest.mark.parametrize(
    ("cell", "value"),
    [("true", True), ("false", False), ("TRUE", True), ("False", False), ("yes", "yes"), ("1", "1")],
)
def test_boolean_is_true_or_false_in_any_case(cell: str, value: bool | str) -> None:
    assert call_of(**{"speakersTimeline.precise": cell})["speakersTimeline"] == {"precise": value}


def test_ids_stay_text() -> None:
    call = call_of(primaryUser="00234599484848423", workspaceId="623457276584334")
    assert (call["primaryUser"], call["workspaceId"]) == ("00234599484848423", "623457276584334")


def test_white_space_in_text_is_kept() -> None:
    assert call_of(title=" a\r\nb ")["title"] == " a\r\nb "


@pytest.mark.parametrize("cell", ["", " ", "\t", "\r\n"])
def test_empty_cell_is_absent(cell: str) -> None:
    assert call_of(**{"title": cell, "duration": cell, "flowContext.taskId": cell}) == call_of()


def test_party_without_a_filled_cell_is_no_party() -> None:
    call = call_of(**{"parties.1.name": "", "parties.1.emailAddress": ""})
    assert call["parties"] == [{"userId": "234599484848423"}]


def test_gap_in_a_list_is_closed() -> None:
    cells = {"parties.0.userId": "", "parties.7.name": "Grace", "parties.3.name": "Ada"}
    assert call_of(**cells)["parties"] == [{"name": "Ada"}, {"name": "Grace"}]


def test_lists_follow_their_indexes_not_the_columns() -> None:
    names = {f"parties.{index}.name": str(index) for index in (10, 9, 2)}
    assert [party.get("name") for party in call_of(**names)["parties"]] == [None, "2", "9", "10"]


def test_lists_in_lists_are_built() -> None:
    segment = "speakersTimeline.speechSegments.4"
    call = call_of(**{f"{segment}.partyIds.1": "b", f"{segment}.partyIds.0": "a", f"{segment}.toTime": "7"})
    assert call["speakersTimeline"] == {"speechSegments": [{"partyIds": ["a", "b"], "toTime": 7}]}


@pytest.mark.parametrize(("cell", "media"), [("a.wav", "a.wav"), ("", None), ("  ", None), (" a", " a")])
def test_media_is_its_cell_or_absent(cell: str, media: str | None) -> None:
    row = make_cells(media=cell)
    assert columns(row).media(list(row.values())) == media
    assert "media" not in columns(row).call(list(row.values()))


def test_table_without_a_media_column_has_none() -> None:
    row = make_cells(downloadMediaUrl="https://media.acme.test/a.mp3")
    del row["media"]
    assert columns(row).media(list(row.values())) is None


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("parties.0.name", "parties.3.name"),
        ("parties.1", "parties.7"),
        ("parties.0.context.0.objects.0.objectId", "parties.3.context.2.objects.5.objectId"),
        ("parties.0.context.0.system", "parties.3.context.2.system"),
        ("parties.2.name", "parties.2.name"),
        ("parties", "parties"),
        ("title", "title"),
        ("title.0", "title.0"),
        ("", ""),
    ],
)
def test_field_of_the_call_is_named_by_its_column(field: str, column: str) -> None:
    row = make_cells(
        **{"parties.0.userId": "", "parties.7.name": "Grace", "parties.3.name": "Ada", "title": "Call"},
        **{"parties.3.context.2.objects.5.objectId": "001"},
    )
    assert columns(row).name_of(list(row.values()), field) == column
