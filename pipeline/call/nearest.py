"""What was probably meant: the known names nearest to one that is not known.

Invariants: only known names are returned; upper and lower case do not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_FEWEST_OF_A_WORD = 4


def nearest_field(name: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to this one, or None when none is near."""
    return next(iter(nearest_names(name, known, most=1)), None)


def nearest_names(name: str, known: Iterable[str], *, most: int) -> list[str]:
    """Return up to `most` known names near to this one, the nearest first."""
    by_letters = {each.casefold(): each for each in known}
    letters = name.casefold()
    near = _only_longer(letters, by_letters) or get_close_matches(letters, by_letters, n=most)
    return [by_letters[each] for each in near]


def _only_longer(letters: str, known: Iterable[str]) -> list[str]:
    """Return the one known name that has these letters in it, as emailAddress has email."""
    longer = [each for each in known if letters in each] if len(letters) >= _FEWEST_OF_A_WORD else []
    return longer if len(longer) == 1 else []
