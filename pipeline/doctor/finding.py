"""What a check tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. The words are a contract (`doctor --json`)."""

    OK = "ok"
    WARNING = "warning"  # it works, but somebody should look at it; or it could not be looked at
    PROBLEM = "problem"  # something does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was seen, and what to do about it; nothing if all is well."""

    check: str
    level: Level
    seen: str
    advice: str = ""


def ok(check: str, seen: str) -> Finding:
    """Tell that all is well."""
    return Finding(check, Level.OK, seen)


def warning(check: str, seen: str, advice: str) -> Finding:
    """Tell of something that somebody should look at."""
    return Finding(check, Level.WARNING, seen, advice)


def problem(check: str, seen: str, advice: str) -> Finding:
    """Tell of something that does not work."""
    return Finding(check, Level.PROBLEM, seen, advice)
