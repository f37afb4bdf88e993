"""Guesses about the parties: who of them is the rep, who the customer, and which number is whose.

Invariant: where a call has a number that called and one that was called, which of them is the customer's
depends on the direction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.manifest.mapping.guess import looks, words
from pipeline.manifest.mapping.guess.fields import Guess
from pipeline.manifest.mapping.guess.sample import Column, Sample

_OF_REPS = frozenset(("extension", "ext", "email", "login", "answered", "accepted", "outgoing", "line"))
MOST_USERS = 200
"""More different reps than this are not listed in the map; a file of them is asked for."""


@dataclass(frozen=True, slots=True)
class Parties:
    """What was guessed of the parties.

    Attributes:
        rep: Fields of the rep's party.
        customer: Fields of the customer's.
        key: The column by which the rep's user is looked up; None where there is no column about the rep.
        users: How often each word stands in it.
    """

    rep: tuple[Guess, ...]
    customer: tuple[Guess, ...]
    key: Column | None
    users: Counter[str]


def parties(sample: Sample, *, by_direction: bool) -> Parties:
    """Guess the two parties of a call."""
    columns = [column for column in sample.columns if column.values]
    rep, customer = words.about(columns, words.REP), words.about(columns, words.CUSTOMER)
    customer = [column for column in customer if column not in rep]
    key = _key(rep)
    ours, theirs = list(_fields(rep, key)), list(_fields(customer, None))
    if by_direction:
        for target, (caller, called) in _pairs(columns).items():
            by = "by the headers; who called is told by the direction"
            _add(theirs, Guess(target, {"inbound": caller, "outbound": called}, by))
            _add(ours, Guess(target, {"inbound": called, "outbound": caller}, by))
    for column in words.named(columns, words.PHONE):
        if looks.is_phone(column.values) and column not in rep:
            _add(theirs, Guess("phoneNumber", column.name, "by the header and the values"))
    return Parties(tuple(ours), tuple(theirs), key, Counter(key.values) if key else Counter())


def key_candidates(sample: Sample, found: Parties) -> Iterator[dict[str, object]]:
    """Yield sources that may tell reps apart, where no column is about the rep; ours first."""
    for guess in found.rep:
        if isinstance(guess.source, dict):
            yield guess.source
    for column in sample.columns:
        if set(words.words_of(column.name).split()) & _OF_REPS:
            yield {"column": column.name}


def _add(guesses: list[Guess], guess: Guess) -> None:
    if all(each.target != guess.target for each in guesses):
        guesses.append(guess)


def _key(columns: Sequence[Column]) -> Column | None:
    """Return the column that tells reps apart best: an address, else an id, else a name."""
    by_address = [column for column in columns if looks.is_email(column.values)]
    ids = [column for column in columns if "id" in words.words_of(column.name).split()]
    names = [column for column in columns if _is_name(column)]
    return next(iter([*by_address, *ids, *names]), None)


def _fields(columns: Sequence[Column], key: Column | None) -> list[Guess]:
    found: list[Guess] = list(_full_name(columns))
    for column in columns:
        if looks.is_email(column.values):
            _add(found, Guess("emailAddress", column.name, "by the header and the values"))
        elif looks.is_phone(column.values) and _is_number(column):
            _add(found, Guess("phoneNumber", column.name, "by the header and the values"))
        elif _is_name(column):
            _add(found, Guess("name", column.name, "by the header"))
    if key and not found and _is_name(key):
        _add(found, Guess("name", key.name, "by the header"))
    return found


def _full_name(columns: Sequence[Column]) -> Iterator[Guess]:
    """Yield the name where it stands in two columns."""
    first, last = (
        [
            column
            for column in columns
            if words.words_of(column.name).endswith(f"{part} name") and not {"{", "}"} & set(column.name)
        ]
        for part in ("first", "last")
    )
    if first and last:
        source = {"template": f"{{{first[0].name}}} {{{last[0].name}}}"}
        yield Guess("name", source, "by the headers")


def _is_name(column: Column) -> bool:
    """Tell whether a column has names of people: it is called so, or by the person alone."""
    of = words.words_of(column.name).split()
    if looks.is_email(column.values) or looks.is_phone(column.values) or looks.is_url(column.values):
        return False
    return of[-1:] == [words.NAME] or (len(of) == 1 and of[0] in (*words.REP, *words.CUSTOMER))


def _is_number(column: Column) -> bool:
    of = words.words_of(column.name).split()
    return "id" not in of and "count" not in of


def _pairs(columns: Sequence[Column]) -> dict[str, tuple[str, str]]:
    """Return the columns of who called and of who was called, by the field that they have."""
    found: dict[str, tuple[str, str]] = {}
    for caller, called in words.PAIRS:
        for column in columns:
            of = words.words_of(column.name)
            other = _partner(columns, of, caller, called)
            if other is None:
                continue
            if looks.is_phone(column.values) and looks.is_phone(other.values):
                found.setdefault("phoneNumber", (column.name, other.name))
            elif of.endswith(words.NAME):
                found.setdefault("name", (column.name, other.name))
    return found


def _partner(columns: Sequence[Column], of: str, caller: str, called: str) -> Column | None:
    """Return the column that is called the same but for the one who was called instead of the caller."""
    if of != caller and not of.startswith(f"{caller} ") and not of.endswith(f" {caller}"):
        return None
    wanted = f" {of} ".replace(f" {caller} ", f" {called} ").strip()
    return next((column for column in columns if words.words_of(column.name) == wanted), None)
