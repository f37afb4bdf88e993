"""Times, zones, and the hours that come twice or not at all."""

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.manifest.mapping.times import (
    Ambiguous,
    check_format,
    has_offset,
    in_zone,
    may_have_offset,
    parser_of,
    written,
    zone_of,
)

NEW_YORK = "America/New_York"


def read(form: str, text: str, zone: str = "UTC", ambiguous: Ambiguous = "earlier") -> str:
    moment = parser_of(form)(text)
    return written(moment if moment.tzinfo else in_zone(moment, zone_of(zone), ambiguous))


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%d.%m.%Y %H:%M:%S", "17.02.2026 10:30:05", "2026-02-17T10:30:05Z"),
        ("%m/%d/%Y %I:%M %p", "02/17/2026 01:05 PM", "2026-02-17T13:05:00Z"),
        ("%m/%d/%Y %I:%M %p", "2/7/2026 1:05 am", "2026-02-07T01:05:00Z"),
        ("%d %b %Y %H:%M", "17 Feb 2026 10:30", "2026-02-17T10:30:00Z"),
        ("%Y-%m-%d %H:%M:%S %z", "2026-02-17 10:30:00 +0530", "2026-02-17T10:30:00+05:30"),
        ("%Y-%m-%d %H:%M:%S.%f", "2026-02-17 10:30:00.25", "2026-02-17T10:30:00.250000Z"),
        ("iso", "2026-02-17T10:30:00-08:00", "2026-02-17T10:30:00-08:00"),
        ("iso", "2026-02-17 10:30", "2026-02-17T10:30:00Z"),
        ("iso", "20260217T103000Z", "2026-02-17T10:30:00Z"),
        ("rfc2822", "Tue, 31 Aug 2010 20:36:28 +0000", "2010-08-31T20:36:28Z"),
        ("rfc2822", "31 Aug 2010 20:36:28 -0700", "2010-08-31T20:36:28-07:00"),
        ("rfc2822", "Tue, 31 Aug 2010 20:36:28 -0000", "2010-08-31T20:36:28Z"),
        ("epoch_s", "1771317000", "2026-02-17T08:30:00Z"),
        ("epoch_s", "1771317000.125", "2026-02-17T08:30:00.125000Z"),
        ("epoch_ms", "1771317000354", "2026-02-17T08:30:00.354000Z"),
    ],
)
def test_text_of_a_form_is_read(form: str, text: str, expected: str) -> None:
    assert read(form, text) == expected


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("%d.%m.%Y %H:%M", "31.02.2026 10:30", "is not a time of the form"),
        ("%d.%m.%Y %H:%M", "17.02.2026 10:30:00", "is not a time of the form"),
        ("iso", "2026-02-17", "is not a time like"),
        ("iso", "yesterday at noon", "is not a time like"),
        ("rfc2822", "noon", "is not a time like Tue"),
        ("rfc2822", "Feb 17, 2026 1:30 PM", "is not a time like Tue"),
        ("rfc2822", "17 Feb 2026 01:30:00", "is not a time like Tue"),
        ("rfc2822", "31 Feb 2026 01:30:00 +0000", "is not a time of the calendar"),
        ("epoch_s", "17.02.2026", "is not a time in seconds"),
        ("epoch_s", "1e999999999", "is not a time in seconds"),
        ("epoch_s", "-1", "is not a time in seconds"),
        ("epoch_ms", "x", "is not a time in milliseconds"),
        ("epoch_s", "999999999999999", "too large"),
    ],
)
def test_other_text_is_refused(form: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(form, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%d.%m", "has no year and no hour"),
        ("%Y-%m-%d", "has no hour; where they stand in columns of their own"),
        ("%H:%M", "has no day and no month and no year"),
        ("%m/%d/%Y %I:%M", "has no AM or PM"),
        ("DD.MM.YYYY", "is not a format; write iso, rfc2822"),
        ("%Y-%m-%d %Q", "cannot be used"),
        ("%Y-%m-%d %H:%M %Z", "names of zones say no offset .*name the zone"),
        ("%Y-%m-%d %H:%M %%z%Z", "names of zones say no offset"),
        ("%%d/%m/%Y %H:%M", "has no day;"),
        ("", "is not a format"),
    ],
)
def test_format_that_gives_no_date_with_its_time_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_format(text)


@pytest.mark.parametrize(
    "text",
    [
        *("iso", "epoch_ms", "%c", "%x %X", "%d%b%y %H%M", "%Y-%m-%d %H:%M:%S%z"),
        *("%d.%m.%Y %H:%M %%Z", "%Y-%m-%d %H:%M:%S %z %Z"),
    ],
)
def test_format_that_gives_one_is_taken(text: str) -> None:
    check_format(text)


def test_forms_that_say_their_offset_need_no_zone() -> None:
    assert has_offset("epoch_s")
    assert has_offset("%Y-%m-%dT%H:%M:%S%z")
    assert may_have_offset("iso")
    assert not has_offset("iso")
    assert not may_have_offset("%Y-%m-%d %H:%M")
    assert not may_have_offset("%Y-%m-%d %H:%M %%z")


@pytest.mark.parametrize("name", ["Mars", "", "../etc/passwd", "EST5EDT4", "America/Now_York", "\0"])
def test_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        zone_of(name)


FORM = "%Y-%m-%d %H:%M"


def test_zone_gives_the_offset_of_the_date() -> None:
    assert read(FORM, "2026-02-17 10:30", NEW_YORK) == "2026-02-17T10:30:00-05:00"
    assert read(FORM, "2026-07-17 10:30", NEW_YORK) == "2026-07-17T10:30:00-04:00"


@pytest.mark.parametrize(("ambiguous", "offset"), [("earlier", "-04:00"), ("later", "-05:00")])
def test_hour_that_comes_twice_is_the_one_that_is_chosen(ambiguous: Ambiguous, offset: str) -> None:
    assert read(FORM, "2026-11-01 01:30", NEW_YORK, ambiguous) == f"2026-11-01T01:30:00{offset}"


def test_hour_that_comes_twice_may_be_refused() -> None:
    with pytest.raises(ValueError, match="was twice on the clocks in America/New_York"):
        read(FORM, "2026-11-01 01:30", NEW_YORK, "refused")
    assert read(FORM, "2026-11-01 02:00", NEW_YORK, "refused") == "2026-11-01T02:00:00-05:00"


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-03-08 02:30", NEW_YORK),
        ("2026-03-29 02:00", "Europe/Berlin"),
        ("2011-12-30 12:00", "Pacific/Apia"),
    ],
)
def test_hour_that_was_skipped_is_refused(text: str, zone: str) -> None:
    with pytest.raises(ValueError, match=f"was on no clock in {zone}"):
        read(FORM, text, zone)


_ZONES = st.sampled_from(
    sorted(name for name in zoneinfo.available_timezones() if not name.startswith("right/"))
)
_MOMENTS = st.integers(150_000_000, 2_100_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(_MOMENTS, _ZONES)
def test_every_instant_is_found_again_from_the_clock_that_showed_it(moment: datetime, zone: str) -> None:
    shown = moment.astimezone(zone_of(zone))
    assume(shown.utcoffset() == timedelta(minutes=(shown.utcoffset() or timedelta()) // timedelta(minutes=1)))
    clock = shown.replace(tzinfo=None, fold=0)
    found = {in_zone(clock, zone_of(zone), which).astimezone(UTC) for which in ("earlier", "later")}
    assert moment in found
    assert datetime.fromisoformat(written(shown)) == moment
