"""A command that is asked to stop, and asked again."""

from __future__ import annotations

import subprocess
import sys

# Stops when asked, and is asked again at the instants that the test names.
COMMAND = """
import os, signal, sys
from pipeline import interrupts
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests run by nohup
interrupts.install()
ask = lambda number: os.kill(os.getpid(), number)
try:
    {first}
except KeyboardInterrupt:
    interrupts.only_count()
    print("asked", interrupts.is_impatient())
try:
    {then}
    print("impatient", interrupts.is_impatient())
    interrupts.raise_again()
    {last}
except KeyboardInterrupt:
    print("raised")
"""


def printed(*, first: str, then: str = "pass", last: str = "pass") -> str:
    """Run a command that signals itself; give what it printed."""
    command = [sys.executable, "-c", COMMAND.format(first=first, then=then, last=last)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def test_the_first_time_is_raised_whichever_way_it_is_asked() -> None:
    for number in ("SIGINT", "SIGTERM", "SIGHUP"):
        assert printed(first=f"ask(signal.{number})") == "asked False\nimpatient False\n"


def test_a_second_time_is_counted_where_an_exception_would_be_dropped() -> None:
    dropping = "type('_', (), {'__del__': lambda _: ask(signal.SIGINT)})()"
    assert printed(first="ask(signal.SIGINT)", then=dropping) == "asked False\nimpatient True\n"


def test_it_is_raised_again_when_everything_is_stopped() -> None:
    shown = printed(first="ask(signal.SIGTERM)", last="ask(signal.SIGTERM)")
    assert shown == "asked False\nimpatient False\nraised\n"


def test_what_nohup_has_ignored_stays_ignored() -> None:
    command = "import signal; from pipeline import interrupts; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
    command += "interrupts.install(); print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    shown = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert shown.stdout == "True\n"
