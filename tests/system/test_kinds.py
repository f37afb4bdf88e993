"""Recordings of every kind, made by Debian's ffmpeg on the spot: what each is taken for, and a backfill."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.media import Access, probe
from tests.environment import ENVIRONMENT
from tests.fixtures.make_media import KINDS, Kind, make
from tests.recordings import Recordings, make_call, media_in, write_jsonl
from tests.system.scenarios import set_up

pytestmark = pytest.mark.long

SECONDS = 47
OFF_BY = 0.01


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recording of each kind; fails where ffmpeg is missing."""
    for program in ("ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is missing: apt-get install ffmpeg.")
    made = tmp_path_factory.mktemp("kinds")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda kind: make(kind, made, SECONDS), KINDS))
    return made


def seconds_by_ffprobe(path: Path) -> float:
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "json", str(path)]
    finished = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True)
    return float(json.loads(finished.stdout)["format"]["duration"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_is_what_ffmpeg_says_and_as_long(folder: Path, kind: Kind) -> None:
    media = probe(kind.name, Access((folder,)), measured=True)

    assert (media.content_type, Path(media.file_name).suffix) == (kind.content_type, kind.ending)
    if kind.is_timed:
        # ffprobe guesses the length of raw frames by their rate; what was made is known.
        judged = SECONDS if kind.ending in {".aac", ".amr"} else seconds_by_ffprobe(folder / kind.name)
        assert media.duration_s == pytest.approx(judged, rel=OFF_BY)
    else:
        assert media.duration_s is None


def test_all_of_them_go_the_whole_way(folder: Path, tmp_path: Path) -> None:
    rows = [{"call": make_call(kind.name), "media": kind.name} for kind in KINDS]
    manifest = folder / "calls.jsonl"
    write_jsonl(manifest, rows)
    with set_up(tmp_path) as (machine, simulator):
        finished = machine.run("backfill", manifest, "--json")

        assert finished.code == 0, finished.written + machine.logs()
        assert finished.document["done"] == len(KINDS)
        assert media_in(simulator) == Recordings(manifest, rows).expected()
        taken = {call["clientUniqueId"]: call["media"] for call in simulator.record("requests=0")["calls"]}
    for kind in KINDS:
        named = taken[kind.name]
        assert (named["content_type"], Path(named["file_name"]).suffix) == (kind.content_type, kind.ending)
