"""The texts of the scripts on the ledger's server: one file of `lua/` each, behind what it uses of others.

A server makes everything that stands in a script anew at each call, and most calls find its caches cold: so
before a script stands what it names, what that names in turn, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple

# In this order: what stands in one may use what stands in those before it.
PRELUDES = (
    "prelude",
    "jobs_prelude",
    "limiter_prelude",
    "duty_prelude",
    "stream_prelude",
    "rows_prelude",
)

_COMMENT = re.compile(r"[ ]*--.*")
_STRING = re.compile(r"'[^']*'")
_WORD = re.compile(r"\w+")
_DEFINITION = re.compile(r"local (?:function )?(\w+)")


class Part(NamedTuple):
    """A part of a prelude.

    Attributes:
        name: What it defines; a part that defines nothing stands before every script.
    """

    name: str
    text: str


def script_text(name: str, *, without: str = "") -> str:
    """Give a script with all that it uses of the preludes.

    Args:
        name: Of its file.
        without: Leave out a statement of a prelude that begins so, and what is used by it alone.
    """
    parts = [part for part in _parts() if part.name or not (without and part.text.startswith(without))]
    own = _read(name)
    used = _used(own, parts)
    return "\n".join([*(part.text for part in parts if not part.name or part.name in used), own])


def _used(own: str, parts: list[Part]) -> set[str]:
    """Give the names that are used by a script and by what stands before every one, and by what they name."""
    defined = {part.name: part.text for part in parts if part.name}
    used: set[str] = set()
    texts = [own, *(part.text for part in parts if not part.name)]
    while texts:
        words = set(_WORD.findall(_STRING.sub("", _without_comments(texts.pop()))))
        new = (words & defined.keys()) - used
        used |= new
        texts += [defined[name] for name in new]
    return used


@cache
def _parts() -> tuple[Part, ...]:
    return tuple(part for prelude in PRELUDES for part in _taken_apart(_read(prelude)))


def _taken_apart(prelude: str) -> Iterator[Part]:
    """Divide it into definitions and statements; what has several lines ends with `end` at its left edge."""
    lines = iter(line for line in _without_comments(prelude).split("\n") if line)
    for line in lines:
        block = [line]
        if line.startswith(("local function", "if ")) and not line.endswith(" end"):
            for more in lines:
                block.append(more)
                if more == "end":
                    break
        defined = _DEFINITION.match(line)
        yield Part(defined[1] if defined else "", "\n".join(block))


def _without_comments(text: str) -> str:
    return _COMMENT.sub("", text)


def _read(name: str) -> str:
    return (resources.files("pipeline") / "lua" / f"{name}.lua").read_text("utf-8")
