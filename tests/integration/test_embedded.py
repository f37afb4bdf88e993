"""The embedded server: started by the first who needs it, stopped by the last, and never two at once."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import redis

import pipeline.embedded
import pipeline.store
from pipeline.embedded import BOOT_ID, embedded_server, handed_on, revive_server
from pipeline.errors import LedgerUnreachable
from pipeline.job import Lane, State, job_id_of
from pipeline.keeper import LOOK_INTERVAL_S
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.integration.ledger.bench import BATCH, make_submission
from tests.waiting import await_true

USER = """
import sys
from pathlib import Path
from pipeline.embedded import embedded_server
with embedded_server(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that uses the server until it is told to leave."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def url(self) -> str:
        """Wait until it uses the server, and give its address."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> int:
        self.process.communicate(timeout=20)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def using(data_dir: Path) -> Iterator[User]:
    user = User(data_dir)
    try:
        yield user
    finally:
        user.kill()


def pid_of(url: str) -> int:
    with closing(redis.Redis.from_url(url)) as client:
        return int(client.info("server")["process_id"])


def is_running(pid: int) -> bool:
    """Ask the system; what ended and was not noticed by its parent yet (Z) runs no more."""
    state = subprocess.run(
        ["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def keeper_of(pid: int) -> int:
    """Give the parent of a server's process."""
    shown = subprocess.run(
        ["/bin/ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=True
    ).stdout
    return int(shown)


def ledger_at(stack: ExitStack, url: str) -> Ledger:
    store = Store(url, "test", retries=0)
    stack.callback(store.close)
    return Ledger(store, lease_ttl_s=30, attempts_max=3)


def test_it_runs_as_long_as_it_is_used(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as url:
        pid = pid_of(url)

    await_true(lambda: not is_running(pid), "the server is gone")
    assert not list(tmp_path.glob("server/*.sock"))


def test_it_is_stopped_when_its_user_fails(tmp_path: Path) -> None:
    pids = []

    def use_and_fail() -> None:
        with embedded_server(tmp_path) as url:
            pids.append(pid_of(url))
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        use_and_fail()

    await_true(lambda: not is_running(*pids), "the server is gone")


def test_nobody_else_may_reach_it(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as url, closing(redis.Redis.from_url(url)) as client:
        assert client.config_get("port")["port"] == "0"
        assert (tmp_path / "server").stat().st_mode & 0o077 == 0
        assert (tmp_path / "server" / "valkey.sock").stat().st_mode & 0o077 == 0


def test_it_is_out_of_the_way_of_ctrl_c(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as url:
        assert os.getpgid(pid_of(url)) != os.getpgid(0)


def test_the_last_user_stops_it(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as first, using(tmp_path) as other:
        assert other.url == first
        pid = pid_of(first)
        assert other.leave() == 0
        assert pid_of(first) == pid

    await_true(lambda: not is_running(pid), "the server is gone")


def test_the_first_user_may_leave_before_the_last(tmp_path: Path) -> None:
    with using(tmp_path) as first, using(tmp_path) as second:
        url = first.url
        pid = pid_of(url)
        assert second.url == url
        assert first.leave() == 0
        assert pid_of(url) == pid
        assert second.leave() == 0

    await_true(lambda: not is_running(pid), "the server is gone")


def test_a_server_whose_last_user_was_killed_ends_with_all_that_was_written(tmp_path: Path) -> None:
    with ExitStack() as stack, using(tmp_path) as user, using(tmp_path) as last:
        assert user.url == last.url
        url = f"unix://{tmp_path}/server/valkey.sock"
        pid, keeper = pid_of(url), keeper_of(pid_of(url))
        ledger_at(stack, url).submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)
        user.kill()
        last.kill()

    await_true(lambda: not is_running(pid), "the server is gone")
    await_true(lambda: not is_running(keeper), "its keeper is gone")
    assert not list(tmp_path.glob("server/*.sock"))
    with ExitStack() as stack, embedded_server(tmp_path) as url:
        assert ledger_at(stack, url).states([job_id_of("a")]) == [State.PENDING]


def test_whom_it_was_handed_on_to_uses_it_after_the_death_of_the_user(tmp_path: Path) -> None:
    with using(tmp_path) as user:
        pid = pid_of(user.url)
        with handed_on(tmp_path) as handle:
            child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=[handle])
        user.kill()

    assert child.stdin is not None
    with child, child.stdin:
        # Longer than its keeper takes to notice that nobody uses it.
        looks_until = time.monotonic() + 2.5 * LOOK_INTERVAL_S
        await_true(lambda: time.monotonic() > looks_until or not is_running(pid), "its keeper has looked")
        assert is_running(pid)

    await_true(lambda: not is_running(pid), "the server is gone")


def test_a_server_whose_keeper_was_killed_too_is_used_and_stopped_by_the_next(tmp_path: Path) -> None:
    with using(tmp_path) as user:
        pid = pid_of(user.url)
        os.kill(keeper_of(pid), signal.SIGKILL)
        user.kill()

    with embedded_server(tmp_path) as again:
        assert pid_of(again) == pid

    await_true(lambda: not is_running(pid), "the server is gone")


def test_what_keeps_it_running_knows_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONG_ACCESS_KEY_SECRET", "hidden-secret")

    with embedded_server(tmp_path) as url:
        for pid in (pid_of(url), keeper_of(pid_of(url))):
            shown = subprocess.run(
                ["/bin/ps", "eww", "-p", str(pid)], capture_output=True, text=True, check=True
            ).stdout
            assert str(tmp_path) in shown
            assert "hidden-secret" not in shown


def test_users_that_come_at_once_get_one_server(tmp_path: Path) -> None:
    with ExitStack() as stack:
        users = [stack.enter_context(using(tmp_path)) for _ in range(4)]
        pids = {pid_of(user.url) for user in users}
        assert [user.leave() for user in users] == [0] * 4

    assert len(pids) == 1
    await_true(lambda: not is_running(*pids), "the server is gone")


def test_what_was_written_is_there_the_next_time(tmp_path: Path) -> None:
    with ExitStack() as stack, embedded_server(tmp_path) as url:
        ledger_at(stack, url).submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)

    with ExitStack() as stack, embedded_server(tmp_path) as url:
        assert ledger_at(stack, url).states([job_id_of("a")]) == [State.PENDING]


def test_a_server_that_fell_is_started_again_with_all_that_was_written(tmp_path: Path) -> None:
    with ExitStack() as stack, embedded_server(tmp_path) as url:
        ledger_at(stack, url).submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)
        fallen = pid_of(url)
        os.kill(fallen, signal.SIGKILL)

        revive_server(tmp_path)

        assert pid_of(url) != fallen
        assert ledger_at(stack, url).states([job_id_of("a")]) == [State.PENDING]


@pytest.mark.skipif(sys.platform != "linux", reason="only there is a device that is always full")
def test_a_full_disk_is_told_and_a_server_starts_as_soon_as_there_is_room(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as url:
        os.kill(pid_of(url), signal.SIGKILL)
        (tmp_path / "server" / "room").symlink_to("/dev/full")

        with pytest.raises(LedgerUnreachable, match=r"server cannot be started: its disk is full"):
            revive_server(tmp_path)

        revive_server(tmp_path)
        assert pid_of(url)


def leave_a_socket(folder: Path) -> Path:
    """Let a folder look as if another machine had a server there."""
    folder.mkdir(parents=True)
    path = folder / "valkey.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
    return path


def test_the_files_of_another_machines_server_are_left_alone(tmp_path: Path) -> None:
    place = leave_a_socket(tmp_path / "server")
    (machine := place.with_name("machine")).write_text("elsewhere 5c2f")
    says = rf"machine elsewhere\. .*GONG_INGEST_DATA_DIR .*GONG_INGEST_REDIS_URL .* remove {machine}\."

    with pytest.raises(LedgerUnreachable, match=says), embedded_server(tmp_path):
        pass
    assert place.exists()
    assert not place.with_name("appendonlydir").exists()

    machine.unlink()
    with embedded_server(tmp_path) as url:
        assert pid_of(url)
        assert machine.read_text().split()[0] == socket.gethostname()
    assert not machine.exists()


@pytest.mark.parametrize("name", [socket.gethostname(), "renamed"])
def test_a_machine_that_was_renamed_or_started_anew_goes_on_with_its_files(tmp_path: Path, name: str) -> None:
    place = leave_a_socket(tmp_path / "server")
    boot_id = BOOT_ID.read_text().strip() if name == "renamed" and BOOT_ID.exists() else "5c2f"
    if (name, boot_id) == ("renamed", "5c2f"):
        pytest.skip("here a machine is known by its name alone")
    place.with_name("machine").write_text(f"{name} {boot_id}")

    with embedded_server(tmp_path) as url:
        assert pid_of(url)


def test_whose_the_server_is_is_said_as_long_as_it_runs(tmp_path: Path) -> None:
    machine = tmp_path / "server" / "machine"
    with using(tmp_path) as user:
        pid = pid_of(user.url)
        assert machine.exists()
        user.kill()
    await_true(lambda: not is_running(pid), "the server is gone")
    await_true(lambda: not machine.exists(), "it is nobody's")

    with embedded_server(tmp_path) as url:
        os.kill(keeper_of(pid_of(url)), signal.SIGKILL)
        assert machine.exists()
    assert not machine.exists()


def test_a_folder_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_handle: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)

    with (
        pytest.raises(LedgerUnreachable, match=r"no file can be locked \(.*\)\. Set GONG_INGEST_DATA_DIR"),
        embedded_server(tmp_path),
    ):
        pass


def test_what_it_answered_is_on_the_disk(tmp_path: Path) -> None:
    with (
        embedded_server(tmp_path) as url,
        closing(redis.Redis.from_url(url, decode_responses=True)) as client,
    ):
        assert client.config_get("append*") | {
            "appendonly": "yes",
            "appendfsync": "always",
        } == client.config_get("append*")


def test_a_server_that_runs_is_not_started_again(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as url:
        pid = pid_of(url)

        revive_server(tmp_path)

        assert pid_of(url) == pid


def test_beside_a_server_that_does_not_answer_no_other_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded_server(tmp_path) as url:
        pid = pid_of(url)
        with monkeypatch.context() as impatient:
            impatient.setattr(pipeline.embedded, "START_DEADLINE_S", 0.1)
            impatient.setattr(pipeline.store, "ANSWER_TIMEOUT_S", 0.1)
            os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(LedgerUnreachable, match="runs but did not answer"):
                    revive_server(tmp_path)
            finally:
                os.kill(pid, signal.SIGCONT)

        assert pid_of(url) == pid


@pytest.mark.parametrize("name", ["with space", "ünïcode", "100%25", "a'b\"c"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    with ExitStack() as stack, embedded_server(tmp_path / name) as url:
        store = Store(url, "test", retries=0)
        stack.callback(store.close)
        store.ping()
        assert (tmp_path / name / "server" / "valkey.log").exists()


def test_a_path_too_long_for_a_socket_gets_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [tmp_path / (letter * 120) for letter in "ab"]

    with tempfile.TemporaryDirectory(prefix="short-") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        with embedded_server(long[0]) as one, embedded_server(long[1]) as two:
            assert pid_of(one) != pid_of(two)
            with embedded_server(long[0]) as again:
                assert again == one
            assert [path.stat().st_mode & 0o077 for path in Path(short).iterdir()] == [0, 0]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(
            LedgerUnreachable, match=r"file/data/server .*: Not a directory. Set GONG_INGEST_DATA_DIR"
        ),
        embedded_server(tmp_path / "file" / "data"),
    ):
        pass


def test_a_machine_for_which_there_is_no_server_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with (
        pytest.raises(LedgerUnreachable, match=r"no server for this machine\. Set GONG_INGEST_REDIS_URL"),
        embedded_server(tmp_path),
    ):
        pass


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with embedded_server(tmp_path):
        pass
    (manifest,) = tmp_path.glob("server/appendonlydir/*.manifest")
    manifest.write_text("nonsense\n")

    with (
        pytest.raises(
            LedgerUnreachable, match=r"did not start; its log .*valkey.log ends with: .*Invalid AOF manifest"
        ),
        embedded_server(tmp_path),
    ):
        pass
