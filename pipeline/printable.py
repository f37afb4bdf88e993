"""Foreign text as it may be shown: on a terminal, or in a log."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Give foreign text on one line, its control characters as text: nothing in it is obeyed."""
    return text if text.isprintable() else "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode()
