"""Finds out what a user may do without doing it: commands that are queued in a transaction and thrown away.

The server looks at a user's rights when a command is queued. Invariant: nothing is sent before the server has
said that the transaction is open, and it is never carried out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.rights.roles import Role

# How many words a command takes at least behind its key; one that is not here takes none.
_WORDS = {
    **dict.fromkeys(
        ("hget", "hdel", "hmget", "hexists", "lindex", "lpush", "rpush", "mset", "set", "sadd"), 1
    ),
    **dict.fromkeys(("srem", "zrem", "zscore", "expire", "pexpire", "brpop", "blpop", "publish"), 1),
    **dict.fromkeys(("hset", "hincrby", "hsetnx", "lrange", "lrem", "lset", "ltrim", "zadd", "zcount"), 2),
    **dict.fromkeys(("zrange", "zrangebyscore", "zremrangebyscore", "zrevrange", "zrevrangebyscore"), 2),
    **dict.fromkeys(("xrange", "xrevrange"), 2),
}
# Those whose words stand in another order, around their key.
_OTHERWISE = {
    "evalsha": "EVALSHA {zeros} 1 {key}",
    "rename": "RENAME {key} {key}",
    "blmove": "BLMOVE {key} {key} RIGHT RIGHT 1",
    "xadd": "XADD {key} * field value",
    "xinfo": "XINFO STREAM {key}",
    "xread": "XREAD STREAMS {key} 0",
}
_NO_KEY = {
    "ping": ("PING",),
    "time": ("TIME",),
    "info": ("INFO", "server"),
    "select": ("SELECT", "0"),
    "scan": ("SCAN", "0"),
    "script|load": ("SCRIPT", "LOAD", "return 1"),
    "script|exists": ("SCRIPT", "EXISTS", "0" * 40),
}
# What opens and closes the transaction itself, and what cannot stand in one.
_LEFT_OUT = {"multi", "exec", "discard", "watch", "unwatch", "unsubscribe", "punsubscribe"}
_SUBSCRIBING = {"subscribe", "psubscribe"}
# How a server says that it is the command, and not its key or channel, that is not allowed.
OF_COMMAND = "permissions to run"
# Of somebody who runs the server, and of no role.
_ADMINISTERS = ("CONFIG", "GET", "maxmemory")


@dataclass(frozen=True, slots=True)
class Try:
    """A command to be queued, and what it stands for: a command, a pattern of keys, or of channels."""

    words: tuple[str, ...]
    stands_for: str


ADMINISTERS = Try(_ADMINISTERS, "+@admin")


def tries_of(role: Role, namespace: str) -> list[Try]:
    """List what shows whether a user has all rights of a role."""
    rights, prefix = role.rights, f"{namespace}:"
    keys = sorted(rights.keys)
    named = {key: prefix + key.replace("*", "doctor") for key in keys}
    some_key = named[next(key for key in reversed(keys) if not role.only(key))]
    tries = [
        Try(_words_of(command, some_key), f"+{command}")
        for command in sorted(rights.commands - _LEFT_OUT - _SUBSCRIBING)
        if command != "publish"
    ]
    probe = "hget" if "hget" in rights.commands else "llen"
    tries += [
        Try(_words_of("set" if role.only(key) == "W" else probe, named[key]), role.pattern(key, namespace))
        for key in keys
        if key
    ]
    for command in sorted(rights.commands & (_SUBSCRIBING | {"publish"})):
        for channel in sorted(rights.channels):
            # Who subscribes to a pattern must be allowed the very pattern.
            is_pattern = "*" in channel
            if command == "publish" or is_pattern == (command == "psubscribe"):
                word = ("x",) if command == "publish" else ()
                tries.append(Try((command.upper(), prefix + channel, *word), f"&{prefix}{channel}"))
    return tries


def _words_of(command: str, key: str) -> tuple[str, ...]:
    if command in _NO_KEY:
        return _NO_KEY[command]
    if form := _OTHERWISE.get(command):
        return tuple(word.format(key=key, zeros="0" * 40) for word in form.split())
    return (command.upper(), key, *["1"] * _WORDS.get(command, 0))


def missing(tries: Sequence[Try], refusals: Sequence[str]) -> list[str]:
    """Say what is missing, in the words of `ACL SETUSER`, each once.

    A command that is refused because of its key says nothing of the command.
    """
    pairs = zip(tries, refusals, strict=True)
    return list(
        dict.fromkeys(
            each.stands_for
            for each, refusal in pairs
            if refusal and each.stands_for.startswith("+") == (OF_COMMAND in refusal)
        )
    )
