"""Objects in S3: a server that speaks it, with everything that a store may answer."""

from __future__ import annotations

import builtins
import os
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from requests import get, post

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media import Access, open_media, probe
from pipeline.media.remote import BLOCK_BYTES
from pipeline.media.sources import may_link, s3, sign_link
from tests.chaos.throttle import throttled
from tests.integration.media.test_web import LARGER, read_all, refusal_of
from tests.recordings import wav
from tests.stores import S3, running_s3
from tests.unit.media.samples import box, mp4

LARGE = wav(bytes(range(256)) * 2_000)
ROOT = "s3://calls/2026"
ACCESS = Access((ROOT,))


@pytest.fixture(scope="module")
def shared_store() -> Iterator[S3]:
    with running_s3() as running:
        running.put(
            "calls",
            {
                "2026/a call.wav": LARGE,
                "2026/ünïcode 100%#?.wav": LARGE,
                "2026/empty.wav": b"",
                "2026/text.wav": b"no media",
                "2026/index-last.mp4": box(b"ftyp", b"isom" + bytes(4))
                + box(b"mdat", bytes(300_000))
                + mp4(b"soun")[20:],
                '2026/a"; filename="b.exe': LARGE,
                "2026/a\tX-Evil: 1": LARGE,
                "2027/a.wav": LARGE,
                "20260/a.wav": LARGE,
            },
        )
        running.put("others", {"2026/a.wav": LARGE})
        yield running


@pytest.fixture(scope="module")
def store(shared_store: S3) -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in shared_store.environment.items():
            patched.setenv(name, value)
        s3._client_of.cache_clear()
        yield shared_store
    s3._client_of.cache_clear()


@pytest.fixture
def anew(store: S3) -> Iterator[None]:
    """Make a client for this test alone: it changes the environment."""
    s3._client_of.cache_clear()
    yield
    s3._client_of.cache_clear()


@pytest.fixture
def requests(store: S3) -> Iterator[list[dict[str, Any]]]:
    """Headers of what is asked from now on."""
    seen: list[dict[str, Any]] = []

    def note(request: Any, **_: Any) -> None:
        seen.append(dict(request.headers))

    events = s3._client_of(os.getpid(), ACCESS.connect_timeout_s, ACCESS.read_timeout_s).meta.events
    events.register("before-send.s3", note)
    yield seen
    events.unregister("before-send.s3", note)


@pytest.mark.parametrize("key", ["a call.wav", "ünïcode 100%#?.wav"])
def test_an_object_is_looked_at_with_one_request_and_read_with_three(
    requests: list[dict[str, Any]], key: str
) -> None:
    media = probe(f"{ROOT}/{key}", ACCESS, measured=True)

    assert (media.size_bytes, media.content_type) == (len(LARGE), "audio/wav")
    assert media.duration_s == pytest.approx(64)
    assert [each["Range"] for each in requests] == [f"bytes=0-{BLOCK_BYTES - 1}".encode()] or len(
        requests
    ) == 1
    assert read_all(open_media(media.reference, ACCESS)[1]) == sha256(LARGE).hexdigest()
    assert len(requests) == 4
    assert "If-Match" in requests[2]


def test_a_relative_path_is_a_key_below_the_root(store: S3) -> None:
    assert probe("a call.wav", ACCESS).size_bytes == len(LARGE)
    assert refusal_of("none.wav", ACCESS).code == "media_missing"


def test_an_index_at_the_end_takes_few_requests(requests: list[dict[str, Any]]) -> None:
    assert probe(f"{ROOT}/index-last.mp4", ACCESS).content_type == "audio/mp4"
    assert len(requests) <= 3


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (f"{ROOT}/none.wav", "media_missing"),
        (f"{ROOT}/empty.wav", "media_empty"),
        (f"{ROOT}/text.wav", "media_kind"),
        (f"{ROOT}/", "media_unreadable"),
        ("s3://", "media_unreadable"),
        ("s3:///2026/a.wav", "media_unreadable"),
        ("s3://calls", "media_unreadable"),
        ("s3://calls/2027/a.wav", "media_outside_roots"),
        ("s3://calls/20260/a.wav", "media_outside_roots"),
        ("s3://calls/2026/../2027/a.wav", "media_unreadable"),
        ("s3://calls/2026/%2e%2e/2027/a.wav", "media_unreadable"),
        ("s3://calls/2026/./a.wav", "media_unreadable"),
        ("s3://others/2026/a.wav", "media_outside_roots"),
        ("s3://CALLS/2026/a.wav", "media_outside_roots"),
        ("s3://calls@others/2026/a.wav", "media_outside_roots"),
        ("s3://key:secret@calls/2026/a.wav", "media_outside_roots"),
        (f"{ROOT}/a\0.wav", "media_unreadable"),
        ("abfs://calls/2026/a.wav", "media_scheme_unknown"),
    ],
)
def test_what_is_refused(requests: list[dict[str, Any]], reference: str, code: str) -> None:
    assert refusal_of(reference, ACCESS).code == code
    is_at_store = code in {"media_missing", "media_empty", "media_kind"}
    assert bool(requests) == is_at_store


@pytest.mark.parametrize("key", ['a"; filename="b.exe', "a\tX-Evil: 1"])
def test_names_from_keys_are_cleaned(store: S3, key: str) -> None:
    name = probe(f"{ROOT}/{key}", ACCESS).file_name
    assert name.replace(".", "").replace("_", "").replace("-", "").isalnum()


@pytest.mark.parametrize("replaced", [LARGER + b"more", LARGER[:-9], LARGER[:-1] + b"!"])
@pytest.mark.parametrize("when", ["before", "while"])
def test_an_object_that_is_replaced(store: S3, replaced: bytes, when: str) -> None:
    store.client.put_object(Bucket="calls", Key="2026/b.wav", Body=LARGER)
    media = probe(f"{ROOT}/b.wav", ACCESS)
    stream = open_media(media.reference, ACCESS)[1]
    if when == "while":
        stream.read(1000)
    store.client.put_object(Bucket="calls", Key="2026/b.wav", Body=replaced)

    with pytest.raises(MediaRefused) as raised:
        read_all(stream)
    assert raised.value.code == "media_changed"


def test_an_object_that_is_replaced_between_its_look_and_its_get_is_not_got(store: S3) -> None:
    store.client.put_object(Bucket="calls", Key="2026/b.wav", Body=LARGE)
    stream = open_media(f"{ROOT}/b.wav", ACCESS)[1]
    store.client.put_object(Bucket="calls", Key="2026/b.wav", Body=LARGE[:-1] + b"!")

    with pytest.raises(MediaRefused) as raised:
        stream.read(1000)
    assert (raised.value.code, stream.count) == ("media_changed", 0)


def test_a_key_that_the_store_refuses_is_waited_for(store: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    post(f"{store.url}/moto-api/reset-auth", data=b"0", timeout=5)
    try:
        with pytest.raises(MediaUnavailable, match="403, InvalidAccessKeyId") as raised:
            probe(f"{ROOT}/a call.wav", ACCESS)
    finally:
        post(f"{store.url}/moto-api/reset-auth", data=b"inf", timeout=5)
    assert "very-secret" not in str(raised.value)


@pytest.mark.usefixtures("anew")
def test_without_credentials_it_is_waited_for(store: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(MediaUnavailable, match="credentials"):
        probe(f"{ROOT}/a call.wav", ACCESS)


@pytest.mark.usefixtures("anew")
def test_a_store_that_is_out_of_reach_is_waited_for(store: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(MediaUnavailable, match="Could not connect"):
        probe(f"{ROOT}/a call.wav", ACCESS)


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_PROFILE", "none", "profile"),
        ("AWS_ENDPOINT_URL_S3", "127.0.0.1:9000", "Invalid endpoint"),
    ],
)
def test_settings_of_which_no_client_can_be_made_are_waited_for(
    store: S3, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    for ask in (probe, sign_link):
        with pytest.raises(MediaUnavailable, match=reason):
            ask(f"{ROOT}/a call.wav", ACCESS)


@pytest.mark.usefixtures("anew")
def test_a_slow_store_is_left_when_it_is_silent(store: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    store.client.put_object(Bucket="calls", Key="2026/larger.wav", Body=LARGER)
    with throttled(store.url) as way:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", way.url)
        access = Access((ROOT,), read_timeout_s=1.5)
        media = probe(f"{ROOT}/larger.wav", access)
        stream = open_media(media.reference, access)[1]
        stream.read(1000)
        way.answer_bytes_per_s = 1000
        began = time.monotonic()

        with pytest.raises(MediaUnavailable, match="Read timeout"):
            read_all(stream)
        assert time.monotonic() - began < 20


def test_a_link_is_signed_and_gives_the_media(store: S3) -> None:
    links = {sign_link(f"{ROOT}/a call.wav", ACCESS), sign_link("a call.wav", ACCESS)}

    for link in links:
        assert "X-Amz-Expires=86400" in link
        assert get(link, timeout=5).content == LARGE
    with pytest.raises(MediaRefused, match="is not there"):
        sign_link(f"{ROOT}/none.wav", ACCESS)


@pytest.mark.parametrize(
    ("reference", "roots", "may"),
    [
        ("s3://calls/a.wav", (), True),
        ("a.wav", ("s3://calls",), True),
        ("a.wav", ("s3://calls", "s3://others"), False),
        ("/a.wav", ("s3://calls",), False),
        ("a.wav", (), False),
        ("https://host/a.wav", ("https://host",), False),
        ("a.wav", ("https://host",), False),
        ("ftp://host/a.wav", (), False),
    ],
)
def test_which_media_may_be_linked_to(reference: str, roots: tuple[str, ...], may: bool) -> None:
    assert may_link(reference, Access(roots)) is may


@pytest.mark.usefixtures("anew")
def test_without_its_library_it_is_refused_with_what_to_install(
    store: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "boto3":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)

    refusal = refusal_of(f"{ROOT}/a call.wav", ACCESS)

    assert (refusal.code, "pip install 'gong-call-ingest[s3]'" in str(refusal)) == (
        "media_source_missing",
        True,
    )
