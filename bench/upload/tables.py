"""The tables of the uploads."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from bench.figures import fairness
from bench.results import Table
from bench.upload import media
from bench.upload.contestants import Run, Sender, Uploads, curl, require_curl, sender
from bench.upload.receivers import Receiver, simulator, sink

GB, MB, KB = 10**9, 10**6, 10**3
AT_ONCE = 16


def run(*, quick: bool) -> Iterator[Table]:
    """Measure all of it, in about five minutes, or a small part of it.

    Raises:
        ClickException: curl is not there.
    """
    require_curl()
    scale, rounds = (10, 3) if quick else (1, 7)
    with tempfile.TemporaryDirectory(prefix="gong-ingest-bench-") as scratch:
        folder = Path(scratch)
        yield _beside_curl(folder, GB // scale, rounds)
        yield _many(folder, scale, rounds)
        yield _memory(folder, [MB, 100 * MB, 1500 * MB // scale])
        yield _at_once(folder, 200 * MB // scale)


def _beside_curl(folder: Path, size_bytes: int, rounds: int) -> Table:
    path = media.make(folder / "long.wav", size_bytes)
    rows = []
    for open_receiver in (simulator, sink, lambda: sink(tls=True)):
        with open_receiver() as receiver, sender(receiver) as ours:
            rows.append(_row(receiver, ours, [path], rounds))
    path.unlink()
    return Table(
        f"One file of {size_bytes / MB:,.0f} MB",
        f"{rounds} rounds, in each of which all three send in turn; medians. The rates are in MB/s, the "
        "ratios those of the same round. The file is in the system's cache. Processor times are seconds for "
        f"a GB; the sender's and the receiver's together, by {os.cpu_count()} cores, are what no rate beats.",
        (
            *("receiver", "ours", "curl", "ours ÷ curl", "curl and a hash", "ours ÷ that"),
            *("ours, s/GB", "curl, s/GB", "receiver, s/GB"),
        ),
        rows,
    )


def _row(receiver: Receiver, ours: Sender, paths: Sequence[Path], rounds: int) -> list[str]:
    total_bytes = sum(path.stat().st_size for path in paths)
    ways: dict[str, Callable[[Uploads], Run]] = {
        "ours": ours.run,
        "curl": partial(curl, receiver),
        "hash": partial(curl, receiver, hashes=True),
    }
    found = _in_turns(receiver, paths, ways, rounds)

    def rate(name: str) -> str:
        return f"{median(total_bytes / each.seconds for each in found[name]) / MB:,.0f}"

    def ratio(name: str) -> str:
        pairs = zip(found["ours"], found[name], strict=True)
        return f"{median(other.seconds / own.seconds for own, other in pairs):.2f}"

    def used(values: Sequence[float]) -> str:
        return f"{median(values) / total_bytes * GB:.2f}"

    return [
        *(receiver.name, rate("ours"), rate("curl"), ratio("curl"), rate("hash"), ratio("hash")),
        used([each.processor_s for each in found["ours"]]),
        used([each.processor_s for each in found["curl"]]),
        used([each.receiver_s for each in found["ours"]]),
    ]


def _in_turns(
    receiver: Receiver, paths: Sequence[Path], ways: dict[str, Callable[[Uploads], Run]], rounds: int
) -> dict[str, list[Run]]:
    """Upload in every way once a round, each time with another first; the first round is for warming up."""
    found: dict[str, list[Run]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            for path in paths:
                media.mark(path)
            calls = receiver.new_calls(len(paths))
            result = ways[name](list(zip(calls, paths, strict=True)))
            if number:
                found[name].append(result)
    return found


def _many(folder: Path, scale: int, rounds: int) -> Table:
    rows = []
    for count, size_bytes in ((10, 200 * MB // scale), (1000 // scale, 100 * KB)):
        paths = [media.make(folder / f"{number}.wav", size_bytes) for number in range(count)]
        for open_receiver in (simulator, sink, lambda: sink(tls=True)):
            with open_receiver() as receiver, sender(receiver) as ours:
                ways: dict[str, Callable[[Uploads], Run]] = {
                    "ours": ours.run,
                    "curl": partial(curl, receiver),
                }
                found = _in_turns(receiver, paths, ways, max(3, rounds // 2))
            own, other = ([each.seconds for each in found[name]] for name in ("ours", "curl"))
            ratios = [one / another for one, another in zip(other, own, strict=True)]
            what = f"{count:,} of {size_bytes / MB:g} MB"
            rates = (f"{median(count / each for each in times):,.1f}" for times in (own, other))
            rows.append([what, receiver.name, *rates, f"{median(ratios):.2f}"])
        for path in paths:
            path.unlink()
    return Table(
        "One after the other",
        "Uploads a second, on one connection that is kept; ours probes each file, opens it and hashes it.",
        ("files", "receiver", "ours/s", "curl/s", "ours ÷ curl"),
        rows,
    )


def _memory(folder: Path, sizes_bytes: Sequence[int]) -> Table:
    rows = []
    for size_bytes in sizes_bytes:
        path = media.make(folder / "media.wav", size_bytes)
        with simulator() as receiver, sender(receiver) as ours:
            ours.begin([(receiver.new_calls(1)[0], path)])
            peak_bytes = int(ours.answer()["memory_max_bytes"])
            rows.append(
                [
                    f"{size_bytes / MB:,.0f} MB",
                    f"{ours.idle_bytes / MB:,.1f} MB",
                    f"{(peak_bytes - ours.idle_bytes) / MB:,.1f} MB",
                ]
            )
        path.unlink()
    return Table(
        "Memory of the sending process",
        "Resident memory before its first upload, and how much more it was at most until the end of it.",
        ("upload of", "idle", "above idle"),
        rows,
    )


def _at_once(folder: Path, size_bytes: int) -> Table:
    rows = []
    paths = [media.make(folder / f"{number}.wav", size_bytes // 4) for number in range(AT_ONCE)]
    for open_receiver in (simulator, sink):
        for path in paths:
            media.mark(path)
        with ExitStack() as stack:
            receiver = stack.enter_context(open_receiver())
            senders = [stack.enter_context(sender(receiver)) for _ in paths]
            for each, call, path in zip(senders, receiver.new_calls(len(paths)), paths, strict=True):
                each.begin([(call, path)])
            rates = [
                path.stat().st_size / each.answer()["seconds"]
                for each, path in zip(senders, paths, strict=True)
            ]
        rows.append(
            [
                receiver.name,
                f"{min(rates) / MB:,.0f}",
                f"{max(rates) / MB:,.0f}",
                f"{fairness([round(rate) for rate in rates]):.2f}",
            ]
        )
    return Table(
        f"{AT_ONCE} uploads at once",
        f"Each a process with a file of {size_bytes / 4 / MB:,.0f} MB; the slowest and the fastest, in MB/s.",
        ("receiver", "slowest", "fastest", "slowest ÷ fastest"),
        rows,
    )
