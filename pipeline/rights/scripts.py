"""What a script may call and which keys it may touch, read off its text and that of the preludes.

Invariant: what is found is never too little. A function of a prelude counts when its name stands in what is
reached, whatever the script then does; so does each `prefix .. 'name'`. Scripts write commands as
`redis.call('NAME'` and keys as `prefix .. 'name'`, and a test refuses any that does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, reduce

from pipeline.scripts import script_text

_COMMAND = re.compile(r"redis\.p?call\('([A-Z]+)'")
_KEY = re.compile(r"prefix \.\. '([^']*)'")
_CHANNEL = re.compile(r"redis\.call\('PUBLISH', prefix \.\. '([^']*)'")
_WORD = re.compile(r"\w+")
_ONE_LINE = re.compile(r"^local function \w+\([^\n]*\bend$")
# What was counted comes with the scripts of those who count.
_IF_COUNTED = re.compile(r"^if KEYS\[2\] then (\w+)\(.*$", re.MULTILINE)
_NAMES = re.compile(r"^local ([\w, ]+) = (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rights:
    """What is allowed: commands in small letters, and patterns of keys and channels behind the namespace."""

    commands: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()

    def __or__(self, other: Rights) -> Rights:
        return Rights(self.commands | other.commands, self.keys | other.keys, self.channels | other.channels)


@cache
def rights_of_script(name: str) -> Rights:
    """Say what a script needs, beside being run."""
    defined, root = _taken_apart(_without_comments(script_text(name)))
    return _rights_of_all(_IF_COUNTED.sub("", root), defined)


@cache
def rights_of_counting() -> Rights:
    """Say what any script needs in addition when something was counted."""
    defined, root = _taken_apart(_without_comments(script_text("clock")))
    (counts,) = _IF_COUNTED.findall(root)
    return _rights_of_all(counts, defined)


def _rights_of_all(root: str, defined: dict[str, str]) -> Rights:
    reached = [root, *(defined[word] for word in _reached(root, defined))]
    return reduce(Rights.__or__, map(_rights_of, reached))


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*--.*$", "", text, flags=re.MULTILINE)


def _taken_apart(text: str) -> tuple[dict[str, str], str]:
    """Give what is defined at the top of a script by its name, and the rest."""
    defined: dict[str, str] = {}
    rest: list[str] = []
    lines = iter(text.split("\n"))
    for line in lines:
        if line.startswith("local function "):
            block = line if _ONE_LINE.match(line) else "\n".join([line, *_up_to_end(lines)])
            defined[line.split()[2].partition("(")[0]] = block
        elif (names := _NAMES.match(line)) and "prefix .. '" in line and "(" not in names[2]:
            values = names[2].split(", ")
            defined |= dict(zip(names[1].split(", "), values, strict=True))
        else:
            rest.append(line)
    return defined, "\n".join(rest)


def _up_to_end(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line == "end":
            return


def _reached(root: str, defined: dict[str, str]) -> set[str]:
    reached: set[str] = set()
    texts = [root]
    while texts:
        new = (set(_WORD.findall(texts.pop())) & defined.keys()) - reached
        reached |= new
        texts += [defined[name] for name in new]
    return reached


def _rights_of(text: str) -> Rights:
    channels = set(_CHANNEL.findall(text))
    keys = set(_KEY.findall(_CHANNEL.sub("", text)))
    return Rights(
        frozenset(command.lower() for command in _COMMAND.findall(text)),
        # What more stands behind a colon.
        frozenset(f"{key}*" if key.endswith(":") else key for key in keys),
        frozenset(channels),
    )
