"""Headers that web servers of media want, by host: a token of a telephone system, most often."""

from __future__ import annotations

import re

HEADERS = "lines like 'pbx.example.com Authorization: Bearer abc'"

_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What the reading itself says, and a second time would contradict.
_OWN = frozenset(
    {"host", "range", "accept-encoding", "connection", "content-length", "transfer-encoding", "expect", "te"}
)


def headers_of(text: str) -> tuple[tuple[str, str, str], ...]:
    """Read lines in which `problem_of_headers` finds nothing as host, name and value."""
    return tuple(_split(line) for line in text.splitlines() if line.strip())


def problem_of_headers(text: str) -> str:
    """Say what is wrong with the first line that is wrong, without a value; nothing if none is."""
    lines = enumerate(text.splitlines(), 1)
    problems = (f"line {place} {what}" for place, line in lines if line.strip() and (what := _problem(line)))
    return next(problems, "")


def _split(line: str) -> tuple[str, str, str]:
    host, _, header = line.strip().partition(" ")
    name, _, value = header.partition(":")
    return host.lower(), name.strip(), value.strip()


def _problem(line: str) -> str:
    host, name, value = _split(line)
    if not (_HOST.fullmatch(host) and _NAME.fullmatch(name) and value):
        return "is not like that"
    if name.lower() in _OWN or name.lower().startswith("if-"):
        return f"sets {name}, which is not to be set"
    return "" if value.isascii() and value.isprintable() else "has a value that no header can carry"
