"""A whole manifest: in several processes as in one, whatever stands in it."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.errors import ManifestUnreadable, WorkersFailed
from pipeline.job import State, job_id_of
from pipeline.manifest import Reading, Row, read_manifest, read_map
from pipeline.manifest.rejected.file import RejectedFile
from pipeline.media import Access
from pipeline.people import Named
from pipeline.preflight import Check, Finding, NamedUsers, Totals, check_manifest
from pipeline.preflight import check as checking
from pipeline.preflight.cutter import PIECE_BYTES
from pipeline.preflight.inspectors import Inspectors
from pipeline.preflight.twins import TWINS_TOLD, Twin
from tests.unit.manifest.builders import make_call, make_cells

URL = "https://media.harbor-pine.com/"


class Kept:
    """Keeps what is found."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def take(self, findings: Sequence[Finding], *_so_far: object) -> None:
        self.findings += findings


class Sharing(Kept):
    """Keeps how many processes have looked at rows as well."""

    processes = 0

    def take(self, findings: Sequence[Finding], *_so_far: object) -> None:
        super().take(findings)
        self.processes = max(self.processes, len(multiprocessing.active_children()))


def run(path: Path, reading: Reading | None = None, *, processes: int = 1) -> tuple[Totals, list[Finding]]:
    kept = Kept()
    totals = check_manifest(Check(path, reading or Reading(), processes=processes), kept)
    return totals, kept.findings


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes be started for the smallest manifest."""
    monkeypatch.setattr(checking, "_SHARED_MIN_BYTES", 0)


def linked(number: int, **overrides: object) -> str:
    call = make_call(clientUniqueId=f"pbx-{number}", downloadMediaUrl=f"{URL}{number}")
    return json.dumps({"call": call | overrides})


def make_jsonl(path: Path, rows: int) -> None:
    """Write a manifest in which every kind of row occurs, several pieces long."""
    dice = random.Random(3)
    lines = []
    for number in range(rows):
        odd = dice.randrange(12)
        lines.append(
            {
                0: linked(dice.randrange(number + 1)),
                1: linked(number, direction="in"),
                2: "{" + linked(number),
                3: "",
                4: linked(number, duration=3),
            }.get(odd, linked(number, title="x" * 100))
        )
    path.write_text("\n".join(lines) + "\n")
    assert path.stat().st_size > 3 * PIECE_BYTES


def make_csv(path: Path, rows: int) -> None:
    dice = random.Random(4)
    lines = [",".join([*make_cells(), "title"])]
    for number in range(rows):
        cells = make_cells(clientUniqueId=f"pbx-{number}", media=f"{number % 997}.wav")
        title = dice.choice(
            ["x" * 60, '"a, b"', '"a\nnote"', '5" pipe', '"never closed', "too,many", '"a\n,,,,,,\nb"']
        )
        lines.append(",".join([*cells.values(), title]))
    path.write_text("\n".join(lines) + "\n")
    assert path.stat().st_size > 3 * PIECE_BYTES


@pytest.mark.usefixtures("shared")
def test_json_lines_come_to_the_same_in_several_processes(tmp_path: Path) -> None:
    make_jsonl(path := tmp_path / "calls.jsonl", 3_000)

    assert run(path, processes=3) == run(path, processes=1)


@pytest.mark.usefixtures("shared")
def test_a_table_comes_to_the_same_in_several_processes(tmp_path: Path) -> None:
    make_csv(path := tmp_path / "calls.csv", 4_000)

    assert run(path, processes=3) == run(path, processes=1)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("make", [make_csv, make_jsonl])
def test_rejected_rows_come_to_the_same_in_several_processes(
    tmp_path: Path, make: Callable[[Path, int], None]
) -> None:
    make(path := tmp_path / ("calls.csv" if make is make_csv else "calls.jsonl"), 4_000)
    manifest = read_manifest(path)
    file = RejectedFile(manifest)
    for row in manifest:
        file.add(row.rejected("conflict", ()) if isinstance(row, Row) else row)
    file.finish()

    alone, shared = run(file.path, processes=1), Sharing()
    totals = check_manifest(Check(file.path, Reading(), processes=3), shared)

    assert (totals, shared.findings) == alone
    assert shared.processes == 3
    # The lines told are those of the file that a person has in hand.
    of_manifest = run(path)
    assert alone[0].rows == of_manifest[0].rows
    assert (alone[0].rejected, alone[0].links) == (of_manifest[0].rejected, of_manifest[0].links)
    assert max(finding.line for finding in alone[1]) <= alone[0].lines


@pytest.mark.usefixtures("shared")
def test_an_export_comes_to_the_same_in_several_processes(tmp_path: Path) -> None:
    mapped = tmp_path / "map.toml"
    mapped.write_text(
        "[rows]\nonly.Kind = ['call']\n"
        "[call]\nclientUniqueId = 'Id'\nactualStart = 'Start'\ndirection = { constant = 'Unknown' }\n"
        "primaryUser = { constant = '7' }\ndownloadMediaUrl = 'Link'\n[[call.parties]]\nrep = true\n"
    )
    dice = random.Random(5)
    for path, begin, line in (
        (tmp_path / "export.csv", "Kind,Id,Start,Link\n", "{},{},2026-02-17T02:30:00Z,{}\n"),
        (
            tmp_path / "export.jsonl",
            "",
            '{{"Kind": "{}", "Id": "{}", "Start": "2026-02-17T02:30:00Z", "Link": "{}"}}\n',
        ),
    ):
        kinds = [dice.choice(["call", "call", "fax"]) for _ in range(9_000)]
        rows = (line.format(kind, at, f"{URL}{at % 8_000}") for at, kind in enumerate(kinds))
        path.write_text(begin + "".join(rows))

        shared, alone = (
            run(path, Reading(column_map=read_map(mapped)), processes=number) for number in (3, 1)
        )

        assert shared == alone
        assert shared[0].left_out == kinds.count("fax")
        assert shared[0].links == kinds.count("call")


def test_findings_come_in_the_order_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join([linked(1, title=5), linked(2), "{", linked(4, direction=""), linked(2)]))

    totals, findings = run(path)

    assert [(each.line, each.code) for each in findings] == [
        (1, "call_invalid"),
        (3, "row_malformed"),
        (4, "call_invalid"),
        (5, "row_twice"),
    ]
    assert totals == Totals(rows=5, rejected=3, repeated=1, links=1, lines=5)


def test_twins_are_told_with_both_lines_and_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    media = [
        (make_call(clientUniqueId=own_id, title=title), place)
        for own_id, title, place in (
            ("a", "1", "a.wav"),
            ("a", "2", "other.wav"),  # the same id, another row
            ("b", "1", "a.wav"),  # the same file
            ("a", "3", "a.wav"),  # the same id and the same file: one row, told once
            ("a", "1", "a.wav"),  # the first row again
        )
    ]
    path.write_text("".join(json.dumps({"call": call, "media": place}) + "\n" for call, place in media))

    totals, findings = run(path)

    assert sorted((each.line, each.code, each.first_line) for each in findings) == [
        (2, "id_twice", 1),
        (3, "media_twice", 1),
        (4, "id_twice", 1),
        (5, "row_twice", 1),
    ]
    # The same file keeps no row out: it is handed in, and needs its requests.
    assert totals == Totals(rows=5, rejected=2, repeated=1, uploads=2, lines=5)


def test_an_address_of_media_that_stands_twice_is_shown_without_its_signature(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    media = "https://media.harbor-pine.com/a.wav?signature=very-secret"
    rows = ({"call": make_call(clientUniqueId=own_id), "media": media} for own_id in "ab")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    _, (finding,) = run(path)

    assert (finding.code, finding.first_line) == ("media_twice", 1)
    assert "'https://media.harbor-pine.com/a.wav?…'" in finding.message
    assert "very-secret" not in finding.message


class Bundles(Kept):
    """Keeps how many findings were told at once as well."""

    most = 0

    def take(self, findings: Sequence[Finding], *_so_far: object) -> None:
        super().take(findings)
        self.most = max(self.most, len(findings))


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("processes", [1, 3])
def test_of_rows_that_all_have_the_same_id_few_are_told_at_once(
    tmp_path: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[int] = []
    twins = Inspectors.twins

    def counted(inspectors: Inspectors) -> Iterator[Sequence[Twin]]:
        for each in twins(inspectors):
            messages.append(len(each))
            yield each

    monkeypatch.setattr(Inspectors, "twins", counted)
    path, count = tmp_path / "calls.jsonl", 6 * TWINS_TOLD
    call = make_call(clientUniqueId="a")
    with path.open("w") as file:
        file.writelines(
            json.dumps({"call": call | {"title": f"{line}{'x' * 99}"}, "media": "a.wav"}) + "\n"
            for line in range(count)
        )
    kept = Bundles()

    totals = check_manifest(Check(path, Reading(), processes=processes), kept)

    assert kept.most <= TWINS_TOLD
    assert max(messages, default=0) <= TWINS_TOLD
    assert bool(messages) is (processes > 1)
    assert [(each.line, each.code, each.first_line) for each in kept.findings] == [
        (line, "id_twice", 1) for line in range(2, count + 1)
    ]
    assert totals == Totals(rows=count, rejected=count - 1, uploads=1, lines=count)


@pytest.mark.parametrize("links", [False, True])
def test_uploads_are_told_apart_by_whether_gong_could_pull_them(tmp_path: Path, links: bool) -> None:
    path = tmp_path / "calls.jsonl"
    places = ["a.wav", "s3://bucket/a.wav", "s3://bucket/b.wav", "b.wav", "s3://bucket/known.wav"]
    calls = [(make_call(clientUniqueId=place), place) for place in places]
    calls.append(calls[1])
    path.write_text("".join(json.dumps({"call": call, "media": place}) + "\n" for call, place in calls))
    known = job_id_of(places[-1])

    totals = check_manifest(
        Check(
            path,
            Reading(),
            states=lambda ids: [State.PENDING if own == known else None for own in ids],
            links=links,
            can_link=lambda place: place.startswith("s3:"),
        ),
        Kept(),
    )

    found = (totals.uploads, totals.linkable, totals.links, totals.known, totals.repeated)
    assert found == ((2, 0, 2, 1, 1) if links else (4, 2, 0, 1, 1))


def test_an_address_twice_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(f"{linked(1)}\n{linked(2, downloadMediaUrl=URL + '1')}\n")

    totals, (finding,) = run(path)

    assert (finding.line, finding.first_line, finding.is_warning) == (2, 1, True)
    assert totals == Totals(rows=2, links=2, lines=2)


def test_what_the_ledger_has_needs_no_request(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(linked(number) for number in (1, 2, 3, 1)))
    asked: list[str] = []

    def states(job_ids: Sequence[str]) -> list[State | None]:
        asked.extend(job_ids)
        return [State.PENDING if number in {0, 3} else None for number in range(len(job_ids))]

    totals = check_manifest(Check(path, Reading(), states=states), Kept())

    assert len(asked) == 4
    assert totals == Totals(rows=4, repeated=1, known=1, links=2, lines=4)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("processes", [1, 2])
def test_media_of_what_is_in_need_not_be_there_any_more(tmp_path: Path, processes: int) -> None:
    path = tmp_path / "calls.jsonl"
    calls = [make_call(clientUniqueId=own_id) for own_id in ("done", "dead", "new", "wrong")]
    calls[3]["direction"] = "Sideways"
    calls.append(calls[0])
    path.write_text("".join(json.dumps({"call": call, "media": "gone.wav"}) + "\n" for call in calls))
    done, dead, wrong = (job_id_of(own_id) for own_id in ("done", "dead", "wrong"))
    ledger = {done: State.DONE, dead: State.DEAD, wrong: State.DONE}
    kept = Kept()

    totals = check_manifest(
        Check(
            path,
            Reading(),
            Access((tmp_path,)),
            processes,
            states=lambda job_ids: [*map(ledger.get, job_ids)],
        ),
        kept,
    )

    assert {(each.line, each.code) for each in kept.findings} == {
        (2, "media_missing"),
        (3, "media_missing"),
        (4, "call_invalid"),
        (4, "media_missing"),
        (5, "row_twice"),
    }
    assert totals == Totals(rows=5, rejected=3, repeated=1, known=1, lines=5)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("processes", [1, 3])
def test_recordings_that_are_to_come_are_counted_by_the_users_whom_they_name(
    tmp_path: Path, processes: int
) -> None:
    path = tmp_path / "calls.jsonl"
    rows = 3_000
    path.write_text(
        "".join(
            linked(
                number,
                primaryUser=f"{7 + number % 2}",
                parties=[{"userId": f"{7 + number % 2}"}, {"userId": "9"}],
                direction="in" if number % 10 == 0 else "Inbound",
                title="x" * 400,
            )
            + "\n"
            for number in range(rows)
        )
    )
    assert path.stat().st_size > 3 * PIECE_BYTES
    done = {job_id_of(f"pbx-{number}") for number in (1, 2, 3)}

    totals = check_manifest(
        Check(
            path,
            Reading(),
            processes=processes,
            states=lambda job_ids: [State.DONE if each in done else None for each in job_ids],
        ),
        Kept(),
    )

    assert totals.named == NamedUsers(
        Counter(
            {
                Named("7", hosts=True): rows // 2 - rows // 10 - 1,
                Named("8", hosts=True): rows // 2 - 2,
                Named("9", hosts=False): rows - rows // 10 - 3,
            }
        )
    )


def test_a_manifest_without_rows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(",".join(make_cells()))

    with pytest.raises(ManifestUnreadable, match="has no rows"):
        run(path)


class _Ending:
    """Ends the processes that inspect, one way or another, as soon as one of them has told something."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end

    def take(self, *_found: object) -> None:
        if multiprocessing.active_children():
            self._end()


@pytest.mark.usefixtures("shared")
def test_a_process_that_is_killed_is_told_and_none_is_left(tmp_path: Path) -> None:
    make_jsonl(path := tmp_path / "calls.jsonl", 6_000)

    def kill_one() -> None:
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    with pytest.raises(WorkersFailed, match=r"SIGKILL.*too little memory"):
        check_manifest(Check(path, Reading(), processes=2), _Ending(kill_one))
    assert multiprocessing.active_children() == []


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_a_terminal_sends_to_all_is_left_to_who_started_them(
    tmp_path: Path, number: signal.Signals
) -> None:
    make_jsonl(path := tmp_path / "calls.jsonl", 6_000)

    def ask_all_but_this_one() -> None:
        for each in multiprocessing.active_children():
            os.kill(each.pid or 0, number)

    totals = check_manifest(Check(path, Reading(), processes=2), _Ending(ask_all_but_this_one))

    assert totals.lines == 6_000


@pytest.mark.usefixtures("shared")
def test_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    make_jsonl(path := tmp_path / "calls.jsonl", 6_000)

    with pytest.raises(KeyboardInterrupt):
        check_manifest(
            Check(path, Reading(), processes=2), _Ending(lambda: signal.raise_signal(signal.SIGINT))
        )
    assert multiprocessing.active_children() == []
