"""A first map as text: TOML with comments.

Invariant: a line that was guessed stands there with its reason; one that could not be guessed is a comment,
with the candidates as lines of which one can be uncommented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipeline.manifest.mapping.guess import fields, looks
from pipeline.manifest.mapping.guess.fields import Guess
from pipeline.manifest.mapping.guess.parties import MOST_USERS, Parties, key_candidates, parties
from pipeline.manifest.mapping.guess.sample import Sample, read_sample

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def first_map(path: Path | IO[bytes], *, encoding: str | None = None, delimiter: str | None = None) -> str:
    """Return a first map for an export as TOML.

    Args:
        path: The export, or `-` for standard input, or a stream of bytes.
        encoding: That of an export without a byte order mark; UTF-8 when left out.
        delimiter: What stands between cells; the one that fits the first rows when left out.

    Raises:
        ManifestUnreadable: It cannot be read, or has no header with rows below it.
    """
    sample = read_sample(path, encoding=encoding, delimiter=delimiter)
    start, direction = fields.start(sample), fields.direction(sample)
    people = parties(sample, by_direction=direction.source is not None)
    return "\n".join(
        [
            *_introduction(sample),
            "",
            *_media(sample),
            "",
            *_export(sample, start, encoding),
            "",
            *_call(sample, start, direction, people),
            "",
            *_parties(people),
            *_users(people),
            "",
        ]
    )


def _introduction(sample: Sample) -> Iterator[str]:
    yield f"# A first map of {_printable(sample.name)}, by its header and {sample.extent}."
    yield "# Look at each line: a guess can be wrong. A line that begins with #? is left to you: remove"
    yield "# the #? of the right one, or write it anew."
    yield "#   what becomes of the first rows:  gong-ingest map EXPORT --map THIS_FILE --rows 3"
    yield "#   what a map can say:              docs/mapping.md"


def _export(sample: Sample, start: Guess, encoding: str | None) -> Iterator[str]:
    yield "[export]"
    yield f"format = {_toml(sample.form)}"
    if encoding:
        yield f"encoding = {_toml(encoding)}"
    if sample.form == "csv" and sample.delimiter != ",":
        separator = "tab" if sample.delimiter == "\t" else sample.delimiter
        yield f"delimiter = {_toml(separator)}  # it cuts the first rows into equally many cells"
    if sample.skip_lines:
        yield f"skip_lines = {sample.skip_lines}  # they are above the header and have fewer cells"
    if sample.empty_words:
        yield f"empty_words = {_toml(list(sample.empty_words))}  # they stand where there is nothing"
    if fields.needs_zone(sample, start):
        yield "# The times say no offset from UTC: on which clocks are they? (the zone's IANA name)"
        yield '#? time_zone = "America/New_York"'


def _call(sample: Sample, start: Guess, direction: Guess, people: Parties) -> Iterator[str]:
    yield "[call]"
    yield from _lines(fields.call_id(sample))
    yield from _lines(start)
    yield from _lines(direction)
    yield from _primary_user(sample, people)
    if duration := fields.duration(sample):
        yield from _lines(duration)
    for guess in fields.texts(sample):
        yield from _lines(guess)
    if addresses := fields.urls(sample):
        yield "# Gong can fetch the media itself, if no login is needed for it; then there is no media above:"
        yield from (f"#? downloadMediaUrl = {_toml(name)}" for name in addresses)


def _primary_user(sample: Sample, people: Parties) -> Iterator[str]:
    yield "# The rep's user id in Gong, which no telephone system knows: it is looked up"
    if people.key is None:
        yield "# by a column that tells who of your people spoke."
        yield "# Not guessed: no column is called agent, user, owner …"
        for source in key_candidates(sample, people):
            yield f"#? primaryUser = {_toml({**source, 'values': 'users'})}"
        yield '#? primaryUser = { constant = "the id of the one user who made all calls" }'
        return
    if looks.is_email(people.key.values):
        yield f"# by the address in {people.key.name!r}, in Gong's list. Guessed by header and values."
        yield f"primaryUser = {_toml(people.key.name)}"
        return
    if len(people.users) > MOST_USERS:
        yield f"# by {people.key.name!r}, in a file of your own: a CSV with two columns, that one and the id."
        yield f'primaryUser = {{ column = {_toml(people.key.name)}, values_file = "users.csv" }}'
        return
    yield f"# by {people.key.name!r}, in the table [values.users] at the end. Guessed by the header."
    yield f'primaryUser = {{ column = {_toml(people.key.name)}, values = "users" }}'


def _parties(people: Parties) -> Iterator[str]:
    yield "[[call.parties]]"
    yield "rep = true  # this party is the primaryUser"
    for guess in people.rep:
        yield from _lines(guess)
    yield "# The rep's channel of a stereo recording, 0 left or 1 right; it may differ by direction:"
    yield "#? mediaChannelId = { inbound = 1, outbound = 0 }"
    yield ""
    yield "[[call.parties]]"
    if not people.customer:
        yield "# Not guessed: no column is called customer, contact, from, to, caller …"
        yield '#? phoneNumber = { inbound = "…", outbound = "…" }'
        yield 'name = { constant = "Customer" }'
    for guess in people.customer:
        yield from _lines(guess)


def _media(sample: Sample) -> Iterator[str]:
    yield "# The recordings' files, as paths below the media root."
    guess = fields.media(sample)
    yield from _lines(guess)
    if isinstance(guess.source, dict) and "windows_paths" in guess.source:
        yield "# Add what of each path is above the media root: remove_prefix = 'C:\\Recordings\\'"


def _users(people: Parties) -> Iterator[str]:
    if people.key is None or looks.is_email(people.key.values) or len(people.users) > MOST_USERS:
        return
    yield ""
    yield "# The ids of these users in Gong (GET /v2/users lists them). Each must be filled in."
    yield "[values.users]"
    for word, times in people.users.most_common():
        yield f'{_toml(word)} = ""  # in {times} of the first rows'


def _lines(guess: Guess) -> Iterator[str]:
    if guess.source is not None:
        yield f"# Guessed {guess.reason}."
        yield f"{guess.target} = {_toml(guess.source)}"
        return
    yield f"# Not guessed: {guess.reason.removesuffix('?')}{'?' if guess.reason.endswith('?') else '.'}"
    for candidate in guess.candidates or ["…"]:
        yield f"#? {guess.target} = {_toml(candidate)}"


def _toml(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_toml(below)}' for key, below in value.items())} }}"
    # A basic string of TOML is one of JSON, but for the character DEL and for halves of surrogate pairs.
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return text.encode("utf-8", "replace").decode()


def _printable(name: str) -> str:
    """Return a name fit for a comment."""
    return name if name.isprintable() else ascii(name)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _toml(name)
