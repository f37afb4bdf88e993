"""Templates: a text with the names of columns in braces, `{First Name} {Last Name}`.

Invariant: a template is taken apart, never evaluated; what stands between braces is a column's name, whatever
characters it has. A brace itself is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Template:
    """A template taken apart.

    Attributes:
        pieces: Literal texts and names of columns by turns, a literal first and last; they may be empty.
    """

    pieces: tuple[str, ...]

    @property
    def columns(self) -> Sequence[str]:
        """The columns that are named, in their order."""
        return self.pieces[1::2]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Take a template apart.

        Raises:
            ValueError: A brace has no partner, names no column, or there is no column at all.
        """
        pieces = [""]
        for found in _PIECE.finditer(text):
            if found[0] in {"{", "}"}:
                raise ValueError(
                    f"has a brace without its partner at position {found.start() + 1}; write {found[0] * 2} "
                    "for a brace itself"
                )
            if found[1] is None:
                pieces[-1] += {"{{": "{", "}}": "}"}.get(found[0], found[0])
            elif found[1].strip():
                pieces += [found[1].strip(), ""]
            else:
                raise ValueError(f"names no column between the braces at position {found.start() + 1}")
        if len(pieces) == 1:
            raise ValueError('names no column; a text that is always the same is { constant = "…" }')
        return cls(tuple(pieces))
