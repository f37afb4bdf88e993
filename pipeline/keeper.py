"""Keeps an embedded server: starts it, and stops it when nobody uses it any more.

A program of its own, which the system does not end together with the command that needed the server: that
one may be killed. It runs on the standard library alone (`python -I -S keeper.py`), so it starts within a
moment and takes little, for it lives as long as its server.

Invariants: the locks are those of `embedded.py`. It looks at `users.lock` only while it holds `start.lock`,
as every command does, so nobody comes or goes meanwhile. It holds `server.lock` together with its server: who
waits for the one waits for both. When it is killed itself, the next command uses the server and stops it.
"""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

LOOK_INTERVAL_S = 1.0
STOP_DEADLINE_S = 15.0
MACHINE = "machine"


def keep(folder: Path, command: list[str], server_lock: int) -> None:
    """Run the server until it ends, or until nobody uses it.

    Args:
        folder: Where the locks lie.
        command: Starts the server, in the foreground.
        server_lock: The open lock that the server inherits.
    """
    server = subprocess.Popen(command, pass_fds=[server_lock])
    os.chdir(folder)
    # A server that fell is told of at once: whoever finds the lock free may start another.
    threading.Thread(target=_end_with, args=(server,), daemon=True).start()
    pause = threading.Event()
    while not pause.wait(LOOK_INTERVAL_S):
        _stop_unused(server)


def _end_with(server: subprocess.Popen[bytes]) -> None:
    server.wait()
    with suppress(OSError):
        # Whoever starts another waits for the lock, and then says anew whose it is.
        Path(MACHINE).unlink(missing_ok=True)
    os._exit(0)


def _stop_unused(server: subprocess.Popen[bytes]) -> None:
    start, users = (os.open(name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("start.lock", "users.lock"))
    try:
        fcntl.flock(start, fcntl.LOCK_EX)
        with suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It writes what it holds to its disk, and ends.
            server.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                server.wait(STOP_DEADLINE_S)
    finally:
        os.close(users)
        os.close(start)


def main() -> None:
    """Leave the command's process behind, and keep the server that the arguments describe."""
    folder, server_lock, *command = sys.argv[1:]
    if os.fork():
        # The command waits only until the keeper is on its way.
        os._exit(0)
    os.setsid()
    keep(Path(folder), command, int(server_lock))


if __name__ == "__main__":
    main()
