"""What may stand in a text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.call.texts import instant_of
from tests.unit.call.calls import fields_of, make_call, make_party, make_rep, message_of, problems_of


@pytest.mark.parametrize(
    "time",
    [
        "2018-02-17T02:30:00-08:00",
        "2018-02-18T08:00:00Z",
        "2022-08-01T07:00:00.000Z",
        "2022-08-01T07:00:00.123456789+05:45",
        "2022-08-01T07:00Z",
        "2024-02-29T23:59:59+14:00",
        "2018-02-17T02:30:00-00:00",
    ],
)
def test_a_time_is_iso_8601_with_an_offset(time: str) -> None:
    assert problems_of(make_call(actualStart=time, scheduledStart=time, scheduledEnd=time)) == ()


@pytest.mark.parametrize(
    "time",
    [
        "",
        "2018-02-17",
        "2018-02-17T02:30:00-0800",
        "2018-02-17T02:30:00-08",
        "2018-02-17T02:30:00 -08:00",
        "2018-02-17 02:30:00Z",
        "2018-02-17t02:30:00Z",
        "2018-02-17T02:30:00z",
        "2018-02-17T02:30:00,5Z",
        "2018-02-17T02:30:00.Z",
        "2018-02-17T24:00:00Z",
        "2018-02-17T02:30:00-07:60",
        "20180217T023000Z",
        "2018-W07-6T02:30:00Z",
        "2018-2-17T2:30:00Z",
        "17.02.2018 02:30",
        "1518834600",
        "Sat, 17 Feb 2018 02:30:00 GMT",
        " 2018-02-17T02:30:00Z",
        "2018-02-17T02:30:00Z\n",
        "２０１８-02-17T02:30:00Z",  # noqa: RUF001 - digits, but not those of ISO-8601
        "+12018-02-17T02:30:00Z",
    ],
)
@pytest.mark.parametrize("field", ["actualStart", "scheduledStart", "scheduledEnd"])
def test_another_form_of_a_time_is_refused_with_the_right_one(field: str, time: str) -> None:
    message = message_of(make_call(**{field: time}))

    assert message.startswith(f"{field}: ")
    assert message.endswith("write it like 2018-02-17T02:30:00-08:00, or 2018-02-17T10:30:00Z for UTC")


def test_a_time_without_offset_is_refused_with_what_to_add() -> None:
    assert message_of(make_call(actualStart="2018-02-17T02:30:00")) == (
        'actualStart: "2018-02-17T02:30:00" has no offset from UTC; write 2018-02-17T02:30:00Z where it is '
        "UTC, or add the offset of the place, such as 2018-02-17T02:30:00-07:00"
    )


@pytest.mark.parametrize(
    "time",
    [
        "2018-02-30T02:30:00Z",
        "2023-02-29T02:30:00Z",
        "2018-13-01T02:30:00Z",
        "2018-00-01T02:30:00Z",
        "0000-01-01T00:00:00Z",
        "2018-02-17T02:60:00Z",
        "2016-12-31T23:59:60Z",
        "2018-02-17T02:30:00+24:00",
    ],
)
def test_a_time_that_no_calendar_has_is_refused(time: str) -> None:
    assert message_of(make_call(actualStart=time)).startswith(f'actualStart: "{time}" does not exist: ')


def test_the_instant_of_a_time_is_known_only_where_the_time_is_right() -> None:
    assert instant_of("2018-02-17T02:30:00-08:00") == datetime(2018, 2, 17, 10, 30, tzinfo=UTC)
    assert instant_of("2018-02-30T02:30:00Z") is None
    assert instant_of("2018-02-17T02:30:00") is None


@pytest.mark.parametrize(
    "address",
    [
        "test@test.com",
        "first.last+tag@mail.co.uk",
        "o'hara@example.de",
        "a@testing.com",
        "jörg@müller.de",
        "a@customer.latest",
        "a@notexample.com",
    ],
)
def test_a_real_email_address_is_accepted(address: str) -> None:
    assert problems_of(make_call(parties=[make_rep(emailAddress=address)])) == ()


@pytest.mark.parametrize(
    "address",
    [
        "na",
        "n/a",
        "",
        "-",
        "ada",
        "@customer.com",
        "ada@",
        "ada@customer",
        "a b@c.com",
        "a@b@c.com",
        " ada@customer.com",
        "ada@customer.com ",
        "ada@customer.com\n",
        "a@b.com,c@d.com",
        "Ada <a@b.com>",
        "ada@.com",
        "ada@-customer.com",
        "mailto:ada@b.com ",
    ],
)
def test_what_is_no_email_address_is_refused(address: str) -> None:
    call = make_call(parties=[make_rep(), make_party(emailAddress=address)])

    assert message_of(call).startswith("parties.1.emailAddress: ")
    assert message_of(call).endswith("is not an email address; leave the field out where there is none")


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@example.com", "example.com"),
        ("a@EXAMPLE.Org", "EXAMPLE.Org"),
        ("a@mail.example.net", "example.net"),
        ("a@customer.test", "test"),
        ("a@customer.example", "example"),
        ("a@customer.invalid", "invalid"),
        ("a@localhost", "localhost"),
        ("a@my.localhost", "localhost"),
    ],
)
def test_an_email_address_at_a_reserved_domain_is_refused(address: str, domain: str) -> None:
    call = make_call(parties=[make_rep(emailAddress=address)])

    assert f"is at {domain}, a reserved domain" in message_of(call)


@pytest.mark.parametrize(
    "url",
    [
        "https://upload-server.com/sample-call.mp3",
        "http://my_bucket.s3.amazonaws.com/a%20b.wav?X-Amz-Signature=a+b/c%3D&x=1#t",
        "HTTPS://user:secret@host.com:8443/x",
        "http://127.0.0.1:8080/x",
        "http://[::1]/x",
        "https://müller.de/anruf.mp3",
        "https://host.com?id=1",
        "https://host.com",
    ],
)
def test_a_url_that_can_be_fetched_is_accepted(url: str) -> None:
    assert problems_of(make_call(downloadMediaUrl=url)) == ()


@pytest.mark.parametrize(
    "url",
    ["", "sample-call.mp3", "/calls/1.mp3", "//host.com/x", "ftp://host.com/x", "s3://bucket/x", "file:///x.mp3",
     "https:///x", "https://", "https://host.com/a b.mp3", "https://host.com/x\n", " https://host.com/x",
     "https://host.com:port/x", "https://host.com:123456/x", "https://a@b@c.com/", "javascript:x"],
)  # fmt: skip
def test_a_url_that_cannot_be_fetched_is_refused(url: str) -> None:
    assert fields_of(make_call(downloadMediaUrl=url)) == ["downloadMediaUrl"]


@pytest.mark.parametrize(
    ("text", "code"), [("half\ud83d", "U+D83D"), ("\udc80", "U+DC80"), ("a\0b", "U+0000")]
)
@pytest.mark.parametrize("field", ["clientUniqueId", "title", "customData", "meetingUrl"])
def test_a_character_that_cannot_be_sent_is_refused(field: str, text: str, code: str) -> None:
    message = message_of(make_call(**{field: text}))

    assert message.startswith(f"{field}: has ")
    assert code in message
    message.encode("utf-8")


@pytest.mark.parametrize(
    "text", ["two\nlines\ttab\r\n", "\x1f\x0b\x7f\x85", "💬", "\ufeff", "\u202e", "\ufffe"]
)
def test_every_other_character_is_sent_as_it_is(text: str) -> None:
    assert problems_of(make_call(title=text, clientUniqueId=text)) == ()


def test_a_value_beyond_a_short_list_is_told_the_list() -> None:
    assert message_of(make_call(direction="inbound")) == (
        'direction: must be one of Inbound, Outbound, Conference, Unknown; "inbound" is not'
    )


@pytest.mark.parametrize(
    ("code", "nearest"),
    [
        ("en_us", "en-US, en-AB"),
        ("EN-GB", "en-GB, en-AB"),
        ("pt", "pt-BR, pt-PT"),
        ("pa-IN", "pa-Guru-IN"),
        ("zh-Hans-CN", "zh-CN, zh-TW"),
        ("de-DEE", "de-DE, de-AT, de-CH"),
        ("enUS", "en-US"),
    ],
)
def test_an_unknown_language_is_told_the_nearest(code: str, nearest: str) -> None:
    message = message_of(make_call(languageCode=code))

    assert message.startswith(f'languageCode: "{code}" is not known; the nearest are {nearest}')


def test_a_language_like_no_other_is_told_nothing_more() -> None:
    assert message_of(make_call(languageCode="??")) == 'languageCode: "??" is not known'


def test_a_long_value_is_cut_in_the_message() -> None:
    message = message_of(make_call(downloadMediaUrl="x" * 10_000))

    assert len(message) < 250
