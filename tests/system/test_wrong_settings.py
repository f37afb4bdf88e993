"""What is wrong with the whole run is told in a sentence before any work, with its exit code."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.recordings import Recordings, make_recordings
from tests.simulators import Simulator, running_simulator
from tests.system.machine import Finished, Machine
from tests.system.scenarios import scenario

WRONG_USAGE, CREDENTIALS_REFUSED, LEDGER_UNREACHABLE = 2, 5, 6


class Case(NamedTuple):
    """One mistake.

    Attributes:
        settings: Environment variables; `{port}` is a port where nobody listens.
        arguments: Of `backfill`; `{folder}` is that of the recordings, `{manifest}` a good manifest.
        says: What the sentence must name: what is wrong, and what to do.
    """

    settings: dict[str, str | None]
    arguments: str
    code: int
    says: tuple[str, ...]


CASES = {
    "no manifest": Case({}, "{folder}/none.jsonl", WRONG_USAGE, ("no manifest", "{folder}/none.jsonl")),
    "a folder as manifest": Case({}, "{folder}", WRONG_USAGE, ("{folder} is a folder", "name the manifest")),
    "a manifest that cannot be read": Case(
        {}, "{folder}/loop.jsonl", WRONG_USAGE, ("{folder}/loop.jsonl", "cannot be read", "symbolic links")
    ),
    "an empty manifest": Case({}, "{folder}/empty.jsonl", WRONG_USAGE, ("{folder}/empty.jsonl", "no rows")),
    "a header without clientUniqueId": Case(
        {}, "{folder}/header.csv", WRONG_USAGE, ("{folder}/header.csv, line 1", "clientUniqueId")
    ),
    "standard input without its form": Case({}, "-", WRONG_USAGE, ("form of standard input", "csv or jsonl")),
    "no such media root": Case(
        {}, "{manifest} --media-root {folder}/none", WRONG_USAGE, ("{folder}/none", "--media-root")
    ),
    "a file as media root": Case(
        {}, "{manifest} --media-root {manifest}", WRONG_USAGE, ("{manifest} is not a folder", "--media-root")
    ),
    "a batch's name with a line break": Case(
        {}, "{manifest} --batch a\nb", WRONG_USAGE, ("batch's name", "--batch")
    ),
    "an option that does not exist": Case({}, "{manifest} --jsn", WRONG_USAGE, ("--jsn", "--json")),
    "no manifest named": Case({}, "", WRONG_USAGE, ("MANIFEST",)),
    "no credentials": Case(
        {"GONG_ACCESS_KEY": None, "GONG_ACCESS_KEY_SECRET": None},
        "{manifest}",
        WRONG_USAGE,
        ("Not set", "GONG_ACCESS_KEY_SECRET", "GONG_ACCESS_TOKEN"),
    ),
    "a key without its secret": Case(
        {"GONG_ACCESS_KEY_SECRET": None}, "{manifest}", WRONG_USAGE, ("GONG_ACCESS_KEY_SECRET", "set both")
    ),
    "an OAuth client without its secret": Case(
        {"GONG_ACCESS_KEY": None, "GONG_ACCESS_KEY_SECRET": None, "GONG_OAUTH_CLIENT_ID": "client"},
        "{manifest}",
        WRONG_USAGE,
        ("GONG_OAUTH_CLIENT_SECRET", "set both"),
    ),
    "a webhook without its secret": Case(
        {"GONG_INGEST_WEBHOOK_URL": "https://hooks.example.com/gong"},
        "{manifest}",
        WRONG_USAGE,
        ("GONG_INGEST_WEBHOOK_SECRET", "set both"),
    ),
    "a secret in a file that is not there": Case(
        {"GONG_ACCESS_KEY_SECRET": None, "GONG_ACCESS_KEY_SECRET_FILE": "/nowhere/secret"},
        "{manifest}",
        WRONG_USAGE,
        ("GONG_ACCESS_KEY_SECRET_FILE", "readable", "/nowhere/secret is not: No such file"),
    ),
    "no address": Case({"GONG_BASE_URL": None}, "{manifest}", WRONG_USAGE, ("Not set", "GONG_BASE_URL")),
    "not an address": Case(
        {"GONG_BASE_URL": "api.gong.io"}, "{manifest}", WRONG_USAGE, ("GONG_BASE_URL", "https://")
    ),
    "http to a foreign host": Case(
        {"GONG_BASE_URL": "http://api.gong.io"}, "{manifest}", WRONG_USAGE, ("GONG_BASE_URL", "https://")
    ),
    "nobody listens at the address": Case(
        {"GONG_BASE_URL": "http://127.0.0.1:{port}"},
        "{manifest}",
        WRONG_USAGE,
        ("127.0.0.1:{port}", "refused", "GONG_BASE_URL"),
    ),
    "a misspelt setting": Case(
        {"GONG_INGEST_REQUEST_PER_SECOND": "3"},
        "{manifest}",
        WRONG_USAGE,
        ("GONG_INGEST_REQUEST_PER_SECOND is not a setting", "GONG_INGEST_REQUESTS_PER_SECOND"),
    ),
    "a setting that is no number": Case(
        {"GONG_INGEST_REQUESTS_PER_SECOND": "three"},
        "{manifest}",
        WRONG_USAGE,
        ("GONG_INGEST_REQUESTS_PER_SECOND", "number"),
    ),
    "a limit of zero": Case(
        {"GONG_INGEST_REQUESTS_PER_DAY": "0"},
        "{manifest}",
        WRONG_USAGE,
        ("GONG_INGEST_REQUESTS_PER_DAY", "1"),
    ),
    "a data folder that cannot be made": Case(
        {"GONG_INGEST_DATA_DIR": "{manifest}/data"},
        "{manifest}",
        LEDGER_UNREACHABLE,
        ("{manifest}/data", "GONG_INGEST_DATA_DIR"),
    ),
}


def make_bad_manifests(folder: Path) -> None:
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    (folder / "empty.jsonl").touch()
    (folder / "header.csv").write_text("name,media\na,b\n")


@pytest.fixture(scope="module")
def api() -> Iterator[Simulator]:
    """An API that must not see a single request but for its list of users."""
    with running_simulator() as running:
        yield running
        assert not running.sent()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    made = make_recordings(tmp_path_factory.mktemp("recordings"), 2)
    make_bad_manifests(made.folder)
    return made


@pytest.fixture
def set_up(api: Simulator, tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path / "machine", {"GONG_BASE_URL": api.url}) as ready:
        yield ready


@contextmanager
def unused_port() -> Iterator[int]:
    """Hold a port on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


def assert_sentence(finished: Finished, *says: str) -> None:
    """Make sure that a person is told in words, and a program nothing."""
    assert finished.stdout == ""
    for part in says:
        assert part in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.stderr.rstrip().endswith((".", "?"))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_mistake_is_told_in_a_sentence(case: Case, set_up: Machine, recordings: Recordings) -> None:
    with unused_port() as port:
        words = {
            "port": port,
            "folder": recordings.folder,
            "manifest": recordings.manifest,
        }
        arguments = [argument.format(**words) for argument in case.arguments.split(" ") if argument]
        settings = {name: value and value.format(**words) for name, value in case.settings.items()}

        finished = set_up.run("backfill", *arguments, "--json", settings=settings)

    assert finished.code == case.code, finished.written
    assert_sentence(finished, *(part.format(**words) for part in case.says))
    assert not set_up.processes()


@scenario()
def test_a_server_out_of_reach_has_an_exit_code_of_its_own(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 1)
    with unused_port() as port:
        url = f"redis://user:hidden-password@127.0.0.1:{port}/0"
        finished = machine.run(
            "backfill", recordings.manifest, within_s=30, settings={"GONG_INGEST_REDIS_URL": url}
        )

    assert finished.code == LEDGER_UNREACHABLE, finished.written
    assert_sentence(finished, f"redis://127.0.0.1:{port}/0", "refused")
    assert "hidden-password" not in finished.written


@scenario()
def test_a_refused_key_ends_the_run_and_is_all_that_has_to_be_mended(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 2)
    refused = machine.run("backfill", recordings.manifest, settings={"GONG_ACCESS_KEY_SECRET": "mistyped"})

    assert refused.code == CREDENTIALS_REFUSED, refused.written
    assert_sentence(refused, "GONG_ACCESS_KEY_SECRET", "api:calls:create", "401", "Nothing was lost")
    assert "mistyped" not in refused.written + machine.logs()
    assert not machine.processes()
    assert machine.run("backfill", recordings.manifest).code == 0
    assert simulator.record()["totals"]["create"]["200"] == 2


class NotTheApi(BaseHTTPRequestHandler):
    """A web server as there are many: it has pages, and knows nothing of calls."""

    status = 404

    def do_POST(self) -> None:
        self.send_error(self.status)

    def do_GET(self) -> None:
        self.send_error(self.status)

    def log_message(self, *_arguments: object) -> None:
        """Write no log."""


@contextmanager
def web_server(status: int) -> Iterator[str]:
    handler = type("NotTheApi", (NotTheApi,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@scenario()
def test_a_web_server_that_knows_no_such_page(machine: Machine, simulator: Simulator, folder: Path) -> None:
    assert_is_told_and_buries_nothing(404, machine, simulator, folder)


@scenario()
def test_a_web_server_that_knows_no_post(machine: Machine, simulator: Simulator, folder: Path) -> None:
    assert_is_told_and_buries_nothing(501, machine, simulator, folder)


def assert_is_told_and_buries_nothing(
    status: int, machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 2)
    with web_server(status) as url:
        refused = machine.run("backfill", recordings.manifest, settings={"GONG_BASE_URL": url})

    assert refused.code == WRONG_USAGE, refused.written
    assert_sentence(refused, "GONG_BASE_URL", str(status), "not answered by Gong's API")
    assert "<" not in refused.stderr
    finished = machine.run("backfill", recordings.manifest)
    assert finished.code == 0, finished.written
    assert len(simulator.sent()) == 4


def test_an_empty_media_root_is_told_and_may_be_mounted_later(
    set_up: Machine, recordings: Recordings, tmp_path: Path
) -> None:
    (tmp_path / "unmounted").mkdir()

    command = ("backfill", recordings.manifest, "--media-root", tmp_path / "unmounted", "--no-wait", "--json")
    unchecked = set_up.run(*command, "--no-check")
    checked = set_up.run(*command)

    assert (unchecked.code, unchecked.document["submitted"]) == (0, 2), unchecked.written
    told = [line for line in unchecked.stderr.splitlines() if "is its share mounted?" in line]
    assert len(told) == 1
    assert str(tmp_path / "unmounted") in told[0]
    assert (checked.code, checked.document["rejected"]) == (0, 0), checked.written
    assert "2  media that cannot be reached now" in checked.stderr
    # Its two examples, and nothing of it again when they are handed in.
    assert checked.stderr.count("is its share mounted?") == 2


def test_a_port_that_is_taken_is_told_by_flower(set_up: Machine, api: Simulator) -> None:
    port = api.url.rpartition(":")[2]

    finished = set_up.run("flower", "--port", port)

    assert finished.code == WRONG_USAGE, finished.written
    assert_sentence(finished, port, "in use", "--port")
    assert not set_up.processes()
