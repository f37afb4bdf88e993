"""What a script may call and which keys it may touch, read off its text and what it uses of the preludes.

Invariant: what is found is never too little. A function of a prelude counts when it stands before the script,
whatever the script then does; so does each `prefix .. 'name'`. Scripts write commands as
`redis.call('NAME'` and keys as `prefix .. 'name'`, and a test refuses any that does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pipeline.scripts import script_text

_COMMAND = re.compile(r"redis\.p?call\('([A-Z]+)'")
_KEY = re.compile(r"prefix \.\. '([^']*)'")
_CHANNEL = re.compile(r"redis\.call\('PUBLISH', prefix \.\. '([^']*)'")
# What was counted comes with the scripts of those who count.
_COUNTS = "if KEYS[2]"


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
    return _rights_of(script_text(name, without=_COUNTS))


@cache
def rights_of_counting() -> Rights:
    """Say what any script needs in addition when something was counted."""
    return _rights_of(script_text("clock"))


def _rights_of(text: str) -> Rights:
    text = re.sub(r"--.*", "", text)
    channels = set(_CHANNEL.findall(text))
    keys = set(_KEY.findall(_CHANNEL.sub("", text)))
    return Rights(
        frozenset(command.lower() for command in _COMMAND.findall(text)),
        # What more stands behind a colon.
        frozenset(f"{key}*" if key.endswith(":") else key for key in keys),
        frozenset(channels),
    )
