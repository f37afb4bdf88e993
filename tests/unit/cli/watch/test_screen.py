"""How a scene looks on a terminal of any size."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from pipeline.cli.watch.scene import Scene
from pipeline.cli.watch.screen import screen
from pipeline.job import Counts
from pipeline.ledger import Fleet
from pipeline.overview import Overview
from tests.unit.overviews import make_counts, make_gate, make_letter, make_overview, make_upload, make_waits

WIDTHS = (60, 100, 160)
PROPERTY = settings(max_examples=40)
LONG = "a very long name of a batch that nobody has room for on any line of a terminal " * 3


def make_console(width: int = 100, height: int = 24, **options: Any) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, **options)


def scene_of(overview: Overview, batches: Sequence[Counts] | None = None, **overrides: Any) -> Scene:
    return Scene(overview, overview.batches if batches is None else batches, **overrides)


def seen(scene: Scene, width: int = 100, height: int = 24) -> str:
    return "\n".join(line.plain for line in screen(scene, make_console(width, height)))


def painted(scene: Scene, **options: Any) -> str:
    console = make_console(**options)
    for line in screen(scene, console):
        console.print(line)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


RUNNING = make_counts(pending=700, active=4, done=290, dead=6, adopted=3, created=296, uploaded=290)


def test_a_batch_is_a_bar_and_its_counts_by_state_and_its_end() -> None:
    head, facts, *_ = seen(scene_of(make_overview(RUNNING))).splitlines()

    assert head.startswith("calls ━━━")
    assert head.endswith(" 296 of 1,000  29.6 %")
    assert facts.startswith("  700 pending, 4 active, 290 done, 6 dead, 3 adopted, ends today about ")


def test_what_is_put_off_has_a_line_with_the_reason() -> None:
    lines = seen(scene_of(make_overview(RUNNING, waits={"calls": make_waits()}))).splitlines()

    (line,) = [line for line in lines if "put off" in line]
    assert line.startswith("  3 put off, at most until 2023-11-14 ")
    assert line.endswith(": media_unavailable: The mount\\nis gone.")


def test_an_upload_that_takes_its_time_says_how_far_it_is() -> None:
    uploads = (make_upload(), make_upload(client_unique_id="pbx\n2", size_bytes=None, sent_bytes=7_000_000))

    lines = seen(scene_of(make_overview(RUNNING, uploads=uploads))).splitlines()

    assert lines[-2:] == ["pbx-1: uploading 42 % of 512 MB", "pbx\\n2: uploading 7 MB"]


def test_of_many_uploads_a_few_are_shown_and_the_rest_are_counted() -> None:
    uploads = tuple(make_upload(client_unique_id=f"pbx-{number}") for number in range(16))

    lines = seen(scene_of(make_overview(RUNNING, uploads=uploads))).splitlines()

    assert sum("uploading" in line for line in lines) == 2
    assert lines[-1] == "… and 14 more uploads"


def test_what_is_almost_all_is_not_all() -> None:
    assert " 99.9 %" in seen(scene_of(make_overview(make_counts(pending=1, done=99_999))))


def test_all_batches_share_the_rate_the_day_and_the_workers() -> None:
    shared = seen(scene_of(make_overview(RUNNING))).splitlines()[2]

    assert shared == (
        "2.90 of 3 requests/s, 5,000 of 10,000 requests in the last 24 h, 2 workers (4 + 4 processes)"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_lost_on_a_narrow_terminal_but_what_is_too_long(width: int) -> None:
    overview = make_overview(
        make_counts(batch=LONG, pending=700, dead=300),
        gate=make_gate(detail="The API said: " + "no " * 100),
        letters=(make_letter(message="The media is not there. " * 20),),
    )

    text = seen(scene_of(overview), width)

    assert max(map(len, text.splitlines())) <= width
    assert text.count("…") == 3  # name, reason, and dead letter
    words = " ".join(text.split())
    for part in (
        "a very long name of a",
        "300 of 1,000 30.0 %",
        "700 pending, 0 active, 0 done, 300 dead,",
        "ends today about",
        "2.90 of 3 requests/s,",
        "gate closed since",
        "rate_limited: The API said: no no",
        "dead: pbx-1: media_missing: The media is not",
    ):
        assert part in words


@PROPERTY
@given(
    width=st.integers(1, 200),
    height=st.integers(1, 60),
    names=st.lists(st.text(min_size=1, max_size=100), max_size=30),
    texts=st.lists(st.text(max_size=300), max_size=5),
)
def test_no_screen_is_larger_than_its_terminal(
    width: int, height: int, names: list[str], texts: list[str]
) -> None:
    batches = [make_counts(batch=name, pending=2, done=1) for name in names]
    letters = tuple(make_letter(client_unique_id=text, message=text) for text in texts)
    overview = make_overview(*batches, letters=letters, gate=make_gate(detail="".join(texts)))

    lines = screen(scene_of(overview, note="".join(texts)), make_console(width, height))

    assert len(lines) <= max(1, height - 1)
    assert all(line.cell_len <= width for line in lines)


def test_batches_that_do_not_fit_are_summed_up_in_a_line() -> None:
    batches = [make_counts(batch=f"batch-{number}", pending=3, done=1) for number in range(40)]

    lines = seen(scene_of(make_overview(*batches)), height=24).splitlines()

    shown = [line for line in lines if line.startswith("batch-")]
    assert [line.split()[0] for line in shown] == [f"batch-{number}" for number in range(len(shown))]
    rest = 40 - len(shown)
    assert 5 < len(shown) < 12
    assert f"… and {rest} more batches: {rest} of {4 * rest}" in lines
    assert lines[-1].startswith("2.90 of 3 requests/s")


FOREIGN = "\x1b[2J\x1b]0;title\x07 [bold]x[/bold] [link=http://x] \r\n\u202eevil\u200b\x9b31m\ud83d"
SHOWN_FOREIGN = r"\x1b[2J\x1b]0;title\x07 [bold]x[/bold] [link=http://x] \r\n\u202eevil\u200b\x9b31m\ud83d"


def test_foreign_text_is_shown_and_not_obeyed() -> None:
    overview = make_overview(
        make_counts(batch=FOREIGN[:20], pending=1, dead=1),
        gate=make_gate(detail=FOREIGN),
        letters=(make_letter(client_unique_id=FOREIGN, code=FOREIGN, message=FOREIGN),),
    )

    text = painted(scene_of(overview, note=FOREIGN), width=400, no_color=True, color_system=None)

    assert text.count(SHOWN_FOREIGN) == 5  # reason, note, and three of the dead letter
    assert SHOWN_FOREIGN[:20] in text
    assert all(character.isprintable() or character == "\n" for character in text)
    assert text.encode()


def test_no_color_is_heeded() -> None:
    overview = make_overview(RUNNING, gate=make_gate(), letters=(make_letter(),))

    with_colors = painted(scene_of(overview), color_system="standard")
    without = painted(scene_of(overview), color_system="standard", no_color=True)

    assert "\x1b[33m" in with_colors
    assert not any(f"\x1b[{code}m" in without for code in (*range(30, 38), *range(90, 98)))


def test_bars_say_the_same_where_there_are_no_colors() -> None:
    head = seen(scene_of(make_overview(RUNNING)))
    console = make_console(no_color=True, color_system=None)

    plain = screen(scene_of(make_overview(RUNNING)), console)[0].plain

    assert head.count("━") > plain.count("━") > 10
    assert plain.endswith(" 296 of 1,000  29.6 %")


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"gate": make_gate(mode="hand", reason="by_hand")}, "no end is known while the gate is closed"),
        ({"fleet": Fleet(0, 0, 0)}, "no worker is alive; start one with gong-ingest worker"),
        ({"fleet": Fleet(1, 4, 0)}, "no worker for media is alive"),
        ({"fleet": Fleet(1, 0, 4)}, "start one with gong-ingest worker --queue calls"),
    ],
)
def test_no_end_is_told_where_nobody_knows_it(overrides: dict[str, Any], says: str) -> None:
    text = " ".join(seen(scene_of(make_overview(RUNNING, **overrides))).split())

    assert says in text
    assert "ends" not in text


def test_who_starts_workers_is_not_told_to_start_one() -> None:
    overview = make_overview(RUNNING, fleet=Fleet(0, 0, 0))

    assert "its workers are starting" in seen(scene_of(overview, brings_workers=True))


def test_a_paused_batch_is_told_as_such_and_takes_nothing_from_others() -> None:
    paused = make_counts(batch="large", pending=1_000_000, paused_at=5.0)

    both = seen(scene_of(make_overview(paused, RUNNING)))

    assert "paused, nothing is sent for it" in both
    assert seen(scene_of(make_overview(RUNNING))).splitlines()[1] in both.splitlines()


def test_what_is_old_is_told_to_be_old() -> None:
    text = seen(scene_of(make_overview(RUNNING), note="The server is gone.", is_old=True))

    assert "The server is gone.\nshown is how it was at " in text
    assert " 296 of 1,000" in text


def test_before_the_first_look_there_is_a_word() -> None:
    assert seen(Scene()) == "starting"
    assert seen(Scene(note="The server is gone.")) == "The server is gone."
    assert "No batch is waiting." in seen(scene_of(make_overview()))


def test_wide_characters_take_two_cells() -> None:
    head = screen(scene_of(make_overview(make_counts(batch="通話" * 20, pending=1))), make_console(60))[0]

    assert cell_len(head.plain) <= 60
    assert head.plain.endswith(" 0 of 1  0.0 %")
