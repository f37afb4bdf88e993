"""Measures the preflight: rows a second beside one core's plain `Schema.load`, and memory of all processes.

    python -m bench.preflight --rows 1000000
    python -m bench.preflight --rows 100000 --media 100000

Makes a manifest, loads a part of its calls in a plain loop on one core, and checks all of it with
`gong-ingest check` as anyone would. The ratio counts, not the rows a second: both are taken in one run, on
one machine. Where others use its cores too, the ratio by processor time says what it would be without them.
Memory is the proportional share (PSS) of all processes of the command, sampled; on Linux alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click

from bench.results import Table
from pipeline.call.schema import CALL_SCHEMA

LOADED_ROWS = 40_000
SAMPLE_INTERVAL_S = 0.2
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Checked:
    """How a check went."""

    seconds: float
    processor_s: float
    memory_max_bytes: int
    processes_max: int
    summary: dict[str, Any]


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="Rows of the manifest.")
@click.option("--media", default=0, show_default=True, help="Media files; the rows beyond them have links.")
@click.option("--form", default="jsonl", show_default=True, type=click.Choice(["jsonl", "csv"]))
@click.option("--processes", type=int, help="As for `gong-ingest check`.")
def main(rows: int, media: int, form: str, processes: int | None) -> None:
    """Measure the preflight of one manifest."""
    click.echo(_table([_measured(rows, media, form, processes)]).text())


def run(*, rows: int) -> Iterator[Table]:
    """Measure the preflight of manifests of either form with so many rows."""
    yield _table([_measured(rows, 0, "jsonl"), _measured(rows, 0, "csv")])


def _table(lines: Sequence[Sequence[str]]) -> Table:
    return Table(
        title="`gong-ingest check` beside one core's plain `Schema.load`",
        notes=(
            f"On {os.cpu_count()} cores. The ratio is that of rows a second, both taken in one run; on cores "
            "that nobody else uses it would be what the processor times say. Asked for are 1.7 on two cores, "
            "3 on four, and less than 300 MB."
        ),
        columns=(
            "manifest",
            "load, rows/s",
            "check, rows/s",
            "ratio",
            "on 2 free cores",
            "on 4 free cores",
            "MB at most",
            "processes",
            "load of the machine",
        ),
        rows=lines,
    )


def _measured(rows: int, media: int, form: str, processes: int | None = None) -> Sequence[str]:
    """Measure one manifest; gives the cells of its line."""
    with tempfile.TemporaryDirectory(prefix="gong-ingest-bench-") as scratch:
        folder = Path(scratch)
        manifest = folder / f"calls.{form}"
        _write(manifest, rows, media)
        before = _load_calls()
        checked = _check(manifest, folder, processes)
        # The machine may be busier at one end of the check than at the other.
        after = _load_calls()
    if checked.summary["rejected"] or checked.summary["rows"] != rows:
        raise RuntimeError(f"not every row was found to be right: {checked.summary}")
    load_s, load_processor_s = ((one + other) / 2 for one, other in zip(before, after, strict=True))
    row_s, row_processor_s = checked.seconds / rows, checked.processor_s / rows
    return (
        f"{rows:,} rows, {form}" + (f", {media:,} files" if media else ""),
        f"{1 / load_s:,.0f}",
        f"{1 / row_s:,.0f}",
        f"{load_s / row_s:.2f}",
        *(f"{cores * load_processor_s / row_processor_s:.2f}" for cores in (2, 4)),
        f"{checked.memory_max_bytes / 1e6:,.0f}",
        str(checked.processes_max),
        f"{os.getloadavg()[0]:.1f}",
    )


def make_call(number: int, *, link: bool) -> dict[str, Any]:
    """Make a call as most are: two parties and a dozen fields."""
    call = {
        "clientUniqueId": f"pbx-2026-{number:08}",
        "title": "Discovery call: Harbor & Pine",
        "actualStart": "2026-02-17T02:30:00-08:00",
        "duration": 125.8,
        "direction": "Inbound",
        "disposition": "Connected",
        "languageCode": "en-US",
        "primaryUser": "234599484848423",
        "parties": [
            {"userId": "234599484848423", "name": "Ada Marlow", "mediaChannelId": 0},
            {"phoneNumber": "+1 206-555-0142", "name": "Grace Whitlock", "mediaChannelId": 1},
        ],
    }
    return call | ({"downloadMediaUrl": f"https://media.harbor-pine.com/{number}.mp3"} if link else {})


def _write(manifest: Path, rows: int, media: int) -> None:
    write = _csv_line if manifest.suffix == ".csv" else _json_line
    with manifest.open("w", encoding="utf-8") as file:
        for number in range(rows):
            path = _write_media(manifest.parent, number) if number < media else None
            call = make_call(number, link=path is None)
            if number == 0 and manifest.suffix == ".csv":
                file.write(",".join((*_cells(call | {"downloadMediaUrl": ""}), "media")) + "\n")
            file.write(write(call, path))


def _json_line(call: dict[str, Any], media: str | None) -> str:
    return json.dumps({"call": call} | ({"media": media} if media else {})) + "\n"


def _csv_line(call: dict[str, Any], media: str | None) -> str:
    cells = {"downloadMediaUrl": ""} | _cells(call)
    url = cells.pop("downloadMediaUrl")
    return ",".join((*cells.values(), url, media or "")) + "\n"


def _cells(value: Any, path: str = "") -> dict[str, str]:
    """Give a call as cells by column; no text in it has a comma."""
    if not isinstance(value, dict | list):
        return {path: str(value)}
    members = value.items() if isinstance(value, dict) else enumerate(value)
    found: dict[str, str] = {}
    for name, member in members:
        found |= _cells(member, f"{path}.{name}" if path else str(name))
    return found


def _write_media(folder: Path, number: int) -> str:
    """Write a small WAV file that no other is the same as, far too short to be kept."""
    path = folder / f"{number // 1000:05}" / f"{number}.wav"
    path.parent.mkdir(exist_ok=True)
    samples = number.to_bytes(8, "big") * 8
    head = b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data"
    content = head + len(samples).to_bytes(4, "little") + samples
    path.write_bytes(b"RIFF" + len(content).to_bytes(4, "little") + content)
    return path.relative_to(folder).as_posix()


def _load_calls() -> tuple[float, float]:
    """Load calls in a plain loop; gives seconds, and seconds of processor time, for each."""
    calls = [make_call(number, link=True) for number in range(LOADED_ROWS)]
    began, processor_began = time.perf_counter(), time.process_time()
    for call in calls:
        CALL_SCHEMA.load(call)
    return (
        (time.perf_counter() - began) / LOADED_ROWS,
        (time.process_time() - processor_began) / LOADED_ROWS,
    )


def _check(manifest: Path, folder: Path, processes: int | None) -> Checked:
    options = ["--processes", str(processes)] if processes else []
    command = [sys.executable, "-m", "pipeline.cli", "check", str(manifest), "--json", *options]
    environment = {"PATH": os.environ["PATH"], "GONG_INGEST_DATA_DIR": str(folder / "data")}
    output = folder / "output.jsonl"
    began = time.perf_counter()
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, env=environment, start_new_session=True)
        seen = _watch(process)
    seconds = time.perf_counter() - began
    last_line = output.read_bytes().splitlines()[-1]
    return Checked(seconds, *seen, json.loads(last_line))


def _watch(process: subprocess.Popen[bytes]) -> tuple[float, int, int]:
    """Watch a command to its end; gives processor time, most memory and most processes of all of it."""
    processor_s: dict[int, float] = {}
    memory_max_bytes = processes_max = 0
    while True:
        try:
            process.wait(SAMPLE_INTERVAL_S)
        except subprocess.TimeoutExpired:
            samples = list(_samples(process.pid))
        else:
            return sum(processor_s.values()), memory_max_bytes, processes_max
        processor_s |= {sample.pid: sample.processor_s for sample in samples}
        memory_max_bytes = max(memory_max_bytes, sum(sample.memory_bytes for sample in samples))
        processes_max = max(processes_max, len(samples))


class _Sample(NamedTuple):
    pid: int
    processor_s: float
    memory_bytes: int


def _samples(session: int) -> Iterator[_Sample]:
    """Look at every process of a session."""
    for entry in PROC.iterdir() if PROC.is_dir() else ():
        # A process may end while it is looked at, and that of somebody else may not be looked at.
        with suppress(OSError, StopIteration):
            if entry.name.isdecimal() and os.getsid(int(entry.name)) == session:
                rollup = (entry / "smaps_rollup").read_text()
                share = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
                times = (entry / "stat").read_text().rpartition(")")[2].split()[11:13]
                processor_s = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
                yield _Sample(int(entry.name), processor_s, int(share.split()[1]) * 1024)


if __name__ == "__main__":
    main()
