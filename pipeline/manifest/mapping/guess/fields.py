"""Guesses, field by field: which column of a sample each field of the call comes from, and why.

Invariant: what could be read in two ways is not guessed. A date that is the 3rd of February or the 2nd of
March, and a user's id in Gong, which no export has, are left to a person, with the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.manifest.mapping.guess import looks, words
from pipeline.manifest.mapping.guess.sample import Column, Sample
from pipeline.manifest.mapping.times import has_offset

_BY_HEADER = "by the header"
_MOST_CANDIDATES = 8
_MOST_DIRECTIONS = 6


@dataclass(frozen=True, slots=True)
class Guess:
    """One line of a first map.

    Attributes:
        target: The name that stands left of the `=`.
        source: What stands right of it, as TOML would have it decoded; None: it could not be guessed.
        reason: By what it was guessed; or why it was not.
        candidates: Sources that it may be instead, one of which a person chooses.
    """

    target: str
    source: object | None
    reason: str
    candidates: Sequence[object] = ()


def call_id(sample: Sample) -> Guess:
    """Guess what tells each recording from all others."""
    keys = [column for column in sample.columns if looks.is_key(column, sample.rows)]
    if found := words.named(keys, words.CALL_ID):
        reason = f"{_BY_HEADER}; filled, and different in each of {sample.extent}"
        return Guess("clientUniqueId", found[0].name, reason)
    others = [*words.named(sample.columns, words.CALL_ID), *keys]
    reason = f"no column that is called so is filled and different in each of {sample.extent}"
    return Guess("clientUniqueId", None, reason, _names(others))


def start(sample: Sample) -> Guess:
    """Guess when the call began: a column, or a date and a time of day in two."""
    for column in words.named(sample.columns, words.START):
        forms = looks.time_forms(column.values)
        if forms.is_ambiguous:
            sources = [_time(sample, column.name, form) for form in forms.forms]
            reason = f"the times of {column.name!r} could be read as {len(sources)} forms; which is it?"
            return Guess("actualStart", None, reason, sources)
        if forms.forms:
            reason = f"{_BY_HEADER}; the form by {_all_of(sample)}"
            return Guess("actualStart", _time(sample, column.name, forms.forms[0]), reason)
    named_so = (words.named(sample.columns, words.DATE), words.named(sample.columns, words.CLOCK))
    return _start_of_two(sample, *named_so) or _start_by_values(sample)


def _start_by_values(sample: Sample) -> Guess:
    """Say which columns have times, whatever they are called."""
    reason = (
        "no column that is called so has times of a form that is known here; give the column and its format"
    )
    sources = [
        _time(sample, column.name, form)
        for column in sample.columns
        for form in looks.time_forms(column.values).forms
        if not form.startswith("epoch")  # any long number looks like one
    ]
    two = None if sources else _start_of_two(sample, sample.columns, sample.columns)
    if two:
        sources = [two.source] if two.source is not None else list(two.candidates)
    return Guess("actualStart", None, reason, sources[:_MOST_CANDIDATES])


def _start_of_two(sample: Sample, days: Sequence[Column], clocks: Sequence[Column]) -> Guess | None:
    for day in filter(_fits_a_template, days):
        dates = looks.date_forms(day.values)
        for clock in filter(_fits_a_template, clocks if dates.forms else ()):
            time = looks.clock_form(clock.values)
            if not time:
                continue
            sources = [
                {"template": f"{{{day.name}}} {{{clock.name}}}", **_how(sample, day.name, f"{form} {time}")}
                for form in dates.forms
            ]
            if dates.is_ambiguous:
                reason = f"the dates of {day.name!r} could be read as {len(sources)} forms; which is it?"
                return Guess("actualStart", None, reason, sources)
            return Guess("actualStart", sources[0], f"{_BY_HEADER}; the form by {_all_of(sample)}")
    return None


def _fits_a_template(column: Column) -> bool:
    return not {"{", "}"} & set(column.name)


def _time(sample: Sample, name: str, form: str) -> object:
    """Return the source of times of a form in one column."""
    how = _how(sample, name, form)
    return {"column": name, **how} if how else name


def _how(sample: Sample, name: str, form: str) -> dict[str, object]:
    """Return the format of times, and their zone where the header or a column says it."""
    source: dict[str, object] = {} if form == "iso" else {"format": form}
    if not has_offset(form) and not _says_offsets(sample, name, form):
        zones = [each for each in words.named(sample.columns, words.ZONE) if looks.is_zone(each.values)]
        if {"utc", "gmt"} & set(words.words_of(name).split()):
            source["zone"] = "UTC"
        elif zones:
            source["zone_column"] = zones[0].name
    return source


def _says_offsets(sample: Sample, name: str, form: str) -> bool:
    """Tell whether times of the form `iso` have offsets."""
    column = next((each for each in sample.columns if each.name == name), None)
    return form == "iso" and column is not None and looks.has_offsets(column.values)


def needs_zone(sample: Sample, guess: Guess) -> bool:
    """Tell whether the times that were guessed, or may be chosen, say nowhere on which clocks they are."""
    sources = [guess.source] if guess.source is not None else list(guess.candidates)
    for source in sources:
        table = source if isinstance(source, dict) else {"column": source}
        form, name = str(table.get("format", "iso")), str(table.get("column", table.get("template")))
        if not (
            {"zone", "zone_column"} & set(table) or has_offset(form) or _says_offsets(sample, name, form)
        ):
            return True
    return not sources


def duration(sample: Sample) -> Guess | None:
    """Guess how long the call was."""
    for column in words.named(sample.columns, words.DURATION):
        if unit := looks.duration_unit(column):
            source = column.name if unit == "s" else {"column": column.name, "unit": unit}
            return Guess("duration", source, f"{_BY_HEADER}; the unit by header and {_all_of(sample)}")
    return None


def direction(sample: Sample) -> Guess:
    """Guess who called whom, and what the words for it mean."""
    for column in words.named(sample.columns, words.DIRECTION):
        meant = {word: looks.direction_of(word) for word in dict.fromkeys(column.values)}
        if not any(meant.values()):
            continue
        unknown = [word for word, found in meant.items() if not found]
        own = {word: found for word, found in meant.items() if found and word.casefold() not in looks.KNOWN}
        source = {"column": column.name, "values": own} if own else column.name
        reason = f"{_BY_HEADER} and the words in {sample.extent}"
        if unknown:
            reason += f"; not known: {', '.join(map(repr, unknown[:_MOST_CANDIDATES]))}: add them to values"
        return Guess("direction", source, reason)
    reason = "no column has words like inbound and outbound"
    return Guess("direction", None, reason, [*_few_words(sample), {"constant": "Unknown"}])


def _few_words(sample: Sample) -> list[object]:
    """Return the columns of a few words as sources, each word without its meaning yet."""
    columns = [column for column in sample.columns if 1 < len(set(column.values)) <= _MOST_DIRECTIONS]
    columns = [column for column in columns if not any(map(str.isdecimal, "".join(column.values)))]
    columns.sort(key=lambda column: len(set(column.values)))
    return [
        {"column": column.name, "values": dict.fromkeys(column.values, "…")}
        for column in columns[:_MOST_CANDIDATES]
    ]


def texts(sample: Sample) -> list[Guess]:
    """Guess the fields that are texts of one column."""
    found = []
    for name, known in (
        ("title", words.TITLE),
        ("disposition", words.DISPOSITION),
        ("meetingUrl", words.MEETING_URL),
    ):
        if columns := [column for column in words.named(sample.columns, known) if column.values]:
            found.append(Guess(name, columns[0].name, _BY_HEADER))
    return found


def media(sample: Sample) -> Guess:
    """Guess where the recordings lie."""
    files = [column for column in sample.columns if looks.is_file(column.values)]
    found = words.named(files, words.FILE) or files
    if found:
        source: dict[str, object] = {"column": found[0].name}
        if any("\\" in value for value in found[0].values):
            source["windows_paths"] = True
        return Guess("media", source, f"by the endings of the files in {sample.extent}")
    others = words.named(sample.columns, (*words.FILE, *words.CALL_ID))
    sources = [{"column": each.name, "extension": "mp3"} for each in others if not looks.is_url(each.values)]
    reason = "no column has names of files; where files are named by an id, that column and the extension"
    return Guess("media", None, reason, sources[:_MOST_CANDIDATES])


def urls(sample: Sample) -> list[str]:
    """Return the columns with addresses, from which Gong might download the media."""
    return [column.name for column in sample.columns if looks.is_url(column.values)]


def _names(columns: Sequence[Column]) -> list[str]:
    return list(dict.fromkeys(column.name for column in columns))[:_MOST_CANDIDATES]


def _all_of(sample: Sample) -> str:
    return f"all values in {sample.extent}"
