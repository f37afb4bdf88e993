"""The tables of the uploads."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from bench.figures import fairness
from bench.results import Table
from bench.upload import media
from bench.upload.contestants import Run, Uploads, curl, require_curl, sender
from bench.upload.receivers import Receiver, simulator, sink

GB, MB, KB = 10**9, 10**6, 10**3
AT_ONCE = 16
# The ratios to curl that are asked for: of large files, and of many small ones on a connection that is kept.
LARGE, SMALL = "≥ 0.9", "≥ 0.7"
RECEIVERS = "The simulator checks and hashes what it takes; the sink only reads it, as fast as one can send."


def run(*, quick: bool) -> Iterator[Table]:
    """Measure all of it, in about six minutes, or a small part of it.

    Raises:
        ClickException: curl is not there.
    """
    require_curl()
    scale, rounds = (10, 3) if quick else (1, 5)
    with tempfile.TemporaryDirectory(prefix="gong-ingest-bench-") as scratch:
        folder = Path(scratch)
        yield _beside_curl(folder, 1500 * MB // scale, rounds)
        yield _many(folder, scale, rounds)
        yield _memory(folder, [MB, 100 * MB, 1500 * MB // scale])
        yield _at_once(folder, 200 * MB // scale)


def _beside_curl(folder: Path, size_bytes: int, rounds: int) -> Table:
    path = media.make(folder / "long.wav", size_bytes)
    rows, busy = [], []
    for open_receiver in (simulator, sink, lambda: sink(tls=True)):
        with open_receiver() as receiver, sender(receiver) as ours:
            ways: dict[str, Callable[[Uploads], Run]] = {
                "ours": ours.run,
                "curl": partial(curl, receiver),
                "hash": partial(curl, receiver, hashes=True),
            }
            found = _in_turns(receiver, [path], ways, rounds)
        rows.append([receiver.name, *_cells(found, size_bytes)])
        busy.append(f"{receiver.name}: {_busy(found['ours']):.0%} and {_busy(found['curl']):.0%}")
    path.unlink()
    return Table(
        f"One file of {size_bytes / MB:,.0f} MB",
        f"{rounds} rounds, in each of which all three send in turn; medians. The rates are in MB/s, the "
        "ratios those of the same round. The file is in the system's cache. Processor times are seconds for "
        f"a GB; the sender's and the receiver's together, by {os.cpu_count()} cores, are what no rate beats. "
        f"{RECEIVERS} The receiver's processor time by the time that ours took, and curl: {'; '.join(busy)}. "
        "A receiver near 100% limits both, and its ratio says little of the sender. Beside another one the "
        "processor times tell what ours does more than curl. A part of that is the SHA-256 of the file, "
        "without which nobody could tell that what was sent is the file. What it takes in a process of its "
        "own, with the start of that, has its column; the rest is not told apart.",
        (
            *("receiver", "ours", "curl", "ours ÷ curl", "asked for"),
            *("curl and a hash", "ours ÷ curl and a hash"),
            *("ours, s/GB", "curl, s/GB", "hash, s/GB", "receiver, s/GB"),
        ),
        rows,
    )


def _busy(runs: Sequence[Run]) -> float:
    return median(each.receiver_s / each.seconds for each in runs)


def _cells(found: Mapping[str, Sequence[Run]], size_bytes: int) -> list[str]:
    def rate(name: str) -> str:
        return f"{median(size_bytes / each.seconds for each in found[name]) / MB:,.0f}"

    def ratio(name: str) -> str:
        return f"{_ratio(found['ours'], found[name]):.2f}"

    def used(values: Iterable[float]) -> str:
        return f"{median(values) / size_bytes * GB:.2f}"

    pairs = zip(found["hash"], found["curl"], strict=True)
    return [
        *(rate("ours"), rate("curl"), ratio("curl"), LARGE, rate("hash"), ratio("hash")),
        used([each.processor_s for each in found["ours"]]),
        used([each.processor_s for each in found["curl"]]),
        used([both.processor_s - alone.processor_s for both, alone in pairs]),
        used([each.receiver_s for each in found["ours"]]),
    ]


def _ratio(ours: Sequence[Run], others: Sequence[Run]) -> float:
    """Give the median of how much faster ours are than the others of the same rounds."""
    return median(other.seconds / own.seconds for own, other in zip(ours, others, strict=True))


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
    sets = ((10, 200 * MB // scale, LARGE), (1000 // scale, 100 * KB, SMALL))
    for count, size_bytes, asked in sets:
        paths = [media.make(folder / f"{number}.wav", size_bytes) for number in range(count)]
        for open_receiver in (simulator, sink, lambda: sink(tls=True)):
            with open_receiver() as receiver, sender(receiver) as ours:
                ways: dict[str, Callable[[Uploads], Run]] = {
                    "ours": ours.run,
                    "curl": partial(curl, receiver),
                }
                found = _in_turns(receiver, paths, ways, rounds)
            both = (found["ours"], found["curl"])
            size = f"{size_bytes / MB:g} MB" if size_bytes >= MB else f"{size_bytes / KB:g} kB"
            rates = (f"{median(count / each.seconds for each in runs):,.1f}" for runs in both)
            used = (f"{median(each.processor_s for each in runs) / count * 1000:,.2f}" for runs in both)
            rows.append([f"{count:,} of {size}", receiver.name, *rates, f"{_ratio(*both):.2f}", asked, *used])
        for path in paths:
            path.unlink()
    return Table(
        "One after the other",
        "Uploads a second, on one connection that is kept, and the sender's processor time for each. Ours "
        "probes each file, opens it and hashes it; curl opens it. Beside the hash, whose cost for a GB is "
        "above, what ours takes more is that probe and a request made in Python, where curl makes one in C; "
        f"these two are not told apart. {RECEIVERS}",
        ("files", "receiver", "ours/s", "curl/s", "ours ÷ curl", "asked for", "ours, ms", "curl, ms"),
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
                    f"{peak_bytes / MB:,.1f} MB",
                    f"{(peak_bytes - ours.idle_bytes) / MB:,.1f} MB",
                ]
            )
        path.unlink()
    return Table(
        "Memory of the sending process",
        "Resident memory before its first upload, and at most from its start to the end of it. Each size has "
        "a process of its own, and the peak (VmHWM) is its own too.",
        ("upload of", "idle", "peak", "above idle"),
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
