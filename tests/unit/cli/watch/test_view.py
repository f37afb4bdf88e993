"""Where scenes go: a terminal that is painted anew, lines on a pipe, JSON lines."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from pipeline.cli.watch.lines import plain_lines
from pipeline.cli.watch.scene import Scene
from pipeline.cli.watch.view import DocumentView, LiveView, PlainView, view_on
from pipeline.job import Counts
from pipeline.overview import Overview
from tests.clocks import Clock
from tests.unit.overviews import make_counts, make_gate, make_overview

RUNNING = make_counts(pending=7, active=1, done=2, dead=1)


def scene_of(*batches: Counts, note: str = "", gate: bool = False) -> Scene:
    return Scene(make_overview(*batches, gate=make_gate() if gate else None), batches, note)


class Pipe(Console):
    """A console that is no terminal, and what was written to it."""

    def __init__(self) -> None:
        super().__init__(file=io.StringIO(), width=80)

    def take(self) -> list[str]:
        assert isinstance(self.file, io.StringIO)
        lines = self.file.getvalue().splitlines()
        self.file.seek(0)
        self.file.truncate()
        return lines


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("pipeline.cli.watch.view.time.monotonic", clock)
    return clock


def test_on_a_pipe_there_is_a_line_now_and_then_and_one_at_the_end(clock: Clock) -> None:
    pipe = Pipe()
    with PlainView(pipe) as view:
        view.show(scene_of(RUNNING))
        assert len(pipe.take()) == 1
        for _ in range(19):
            clock.advance(0.5)
            view.show(scene_of(RUNNING))
        assert pipe.take() == []
        clock.advance(0.5)
        view.show(scene_of(RUNNING))
        assert len(pipe.take()) == 1
        clock.advance(0.5)
        view.show(scene_of(make_counts(pending=6, active=1, done=3, dead=1)))
        assert pipe.take() == []

    (line,) = pipe.take()
    assert "calls: 4 of 11, 1 dead, ends " in line


@pytest.mark.parametrize(
    "changed",
    [
        scene_of(RUNNING, gate=True),
        scene_of(RUNNING, note="The server is gone."),
        scene_of(make_counts(done=10, dead=1)),
        scene_of(make_counts(pending=8, done=2, dead=1, paused_at=5.0)),
        scene_of(RUNNING, make_counts(batch="other", pending=1)),
    ],
)
def test_a_change_is_told_at_once_and_once(changed: Scene, clock: Clock) -> None:
    pipe = Pipe()
    with PlainView(pipe) as view:
        view.show(scene_of(RUNNING))
        pipe.take()

        view.show(changed)
        told = pipe.take()
        view.show(changed)

        assert told == plain_lines(changed)
        assert pipe.take() == []


def test_a_line_has_everything_and_no_codes(clock: Clock) -> None:
    (line,) = plain_lines(scene_of(make_counts(batch="a\x1b[2J[red]b", pending=7, dead=1)))

    assert line[8:].startswith(r" a\x1b[2J[red]b: 1 of 8, 1 dead, ends in less than a minute, ")
    assert line.endswith("5,000 of 10,000 requests in the last 24 h, 2.90 of 3 requests/s")


def test_several_batches_are_a_line_each_and_one_for_all() -> None:
    batches = [make_counts(batch=str(number), pending=1) for number in range(13)]

    lines = plain_lines(scene_of(*batches))

    assert len(lines) == 11
    assert "3 batches more, 5,000 of 10,000 requests" in lines[-1]
    assert "no batch is waiting, 5,000 of 10,000" in plain_lines(scene_of())[0]


def test_the_gate_stands_in_place_of_the_rate() -> None:
    (line,) = plain_lines(scene_of(RUNNING, gate=True))

    assert "gate closed since" in line
    assert "requests/s" not in line


def document(overview: Overview) -> dict[str, object]:
    return {"batches": len(overview.batches)}


def test_documents_are_written_every_few_seconds_and_notes_aside(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with DocumentView(document) as view:
        for _ in range(21):
            view.show(scene_of(RUNNING))
            clock.advance(0.5)
        view.show(scene_of())
        for _ in range(2):
            view.show(replace(scene_of(RUNNING), note="The server is gone.", is_old=True))
        view.show(scene_of(RUNNING, RUNNING))

    written = capsys.readouterr()
    assert [json.loads(line) for line in written.out.splitlines()] == [{"batches": 1}] * 3 + [{"batches": 2}]
    assert written.err == "The server is gone.\n"


def make_terminal(**options: object) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, height=24, _environ={"TERM": "xterm"})


def written_to(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_whole_screen_is_given_back_as_it_was() -> None:
    console = make_terminal()
    with LiveView(console, whole=True) as view:
        view.show(scene_of(RUNNING))

    text = written_to(console)
    assert text.count("\x1b[?1049h") == text.count("\x1b[?1049l") == 1
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_lines_that_a_narrower_terminal_wrapped_are_taken_back() -> None:
    """From the last row up: one row more for each line that became two, and then the lines themselves."""
    console = make_terminal()
    with LiveView(console, whole=False) as view:
        view.show(scene_of(RUNNING))
        before = len(written_to(console))
        console.width = 60
        view.show(scene_of(RUNNING))
        text = written_to(console)[before:]

    up = text[: text.index("calls")].count("\x1b[1A")
    # Three lines, each of which had more than 60 cells.
    assert up == 3 + 2


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"force_terminal": True, "_environ": {"TERM": "xterm"}}, LiveView),
        ({"force_terminal": True, "_environ": {"TERM": "dumb"}}, PlainView),
        ({"force_terminal": False}, PlainView),
    ],
)
def test_only_a_terminal_that_can_be_painted_is(options: dict[str, object], kind: type) -> None:
    assert isinstance(view_on(Console(file=io.StringIO(), **options), whole=True), kind)  # type: ignore[arg-type]  # as the case says
