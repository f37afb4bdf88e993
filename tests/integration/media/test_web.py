"""Media at web servers: a real one with an authority of its own, and a resolver that a test controls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media import Access, MediaStream, open_media, probe
from pipeline.media.remote import BLOCK_BYTES
from pipeline.media.sources.https import connection, reading
from pipeline.media.sources.https import target as targets
from pipeline.media.sources.https.public import is_public
from tests.integration.media.conftest import Names
from tests.recordings import wav
from tests.unit.media.samples import box, mp4
from tests.web import Exchange, Web, running_web

LARGE = wav(bytes(range(256)) * 2_000)
# More than is read ahead of what is given out.
LARGER = wav(bytes(range(256)) * 40_000)


def access_to(web: Web, **more: Any) -> Access:
    return Access((web.url,), connect_timeout_s=5.0, read_timeout_s=5.0, **more)


def read_all(stream: MediaStream) -> str:
    with stream:
        while stream.read():
            pass
        return stream.sha256_hex


def refusal_of(reference: str, access: Access) -> MediaRefused:
    with pytest.raises(MediaRefused) as raised:
        probe(reference, access)
    return raised.value


def test_media_is_looked_at_with_one_request_and_read_with_two_more(web: Web) -> None:
    web.files["/2026/a%20call.wav"] = LARGE
    access = access_to(web)

    media = probe(f"{web.url}/2026/a%20call.wav?signature=xyz", access, measured=True)

    assert (media.size_bytes, media.content_type, media.file_name) == (len(LARGE), "audio/wav", "a_call.wav")
    assert media.duration_s == pytest.approx(64)
    assert [headers["Range"] for _, headers in web.requests] == [f"bytes=0-{BLOCK_BYTES - 1}"]
    assert read_all(open_media(media.reference, access)[1]) == sha256(LARGE).hexdigest()
    looked, whole, again = web.requests[1:]
    assert "If-Match" in whole[1]
    assert "Range" not in whole[1]
    assert again[1]["Range"] == "bytes=0-0"
    assert {headers["Accept-Encoding"] for _, headers in web.requests} == {"identity"}
    assert looked[0] == "/2026/a%20call.wav?signature=xyz"


def test_a_relative_path_lies_below_the_address_that_is_a_root(web: Web, root: Path) -> None:
    web.files["/calls/50%25%20%23.wav"] = LARGE
    (root / "here.wav").write_bytes(LARGE)
    access = Access((root, f"{web.url}/none/", f"{web.url}/calls"))

    assert probe("50% #.wav", access).size_bytes == len(LARGE)
    assert [path for path, _ in web.requests] == ["/none/50%25%20%23.wav", "/calls/50%25%20%23.wav"]
    assert probe("here.wav", access).size_bytes == len(LARGE)
    assert len(web.requests) == 2


@pytest.mark.parametrize("ranges", [True, False])
def test_an_index_at_the_end_is_found_whether_or_not_the_server_gives_parts(web: Web, ranges: bool) -> None:
    content = box(b"ftyp", b"isom" + bytes(4)) + box(b"mdat", bytes(300_000)) + mp4(b"soun")[20:]
    web.files["/a"] = content
    web.answers["/a"] = lambda exchange: exchange.give(ranges=ranges)

    media = probe(f"{web.url}/a", access_to(web))

    assert (media.content_type, media.file_name) == ("audio/mp4", "a.m4a")
    assert len(web.requests) <= 4
    assert read_all(open_media(media.reference, access_to(web))[1]) == sha256(content).hexdigest()


def test_connections_are_used_again(web: Web) -> None:
    web.files["/a.wav"] = LARGE
    ports = set()

    def note(exchange: Exchange) -> None:
        ports.add(exchange.client_address[1])
        exchange.give()

    web.answers["/a.wav"] = note
    for _ in range(3):
        probe(f"{web.url}/a.wav", access_to(web))
    assert len(ports) == 1


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (404, MediaRefused, "media_missing"),
        (410, MediaRefused, "media_missing"),
        (400, MediaRefused, "media_unreadable"),
        (204, MediaRefused, "media_unreadable"),
        *((status, MediaUnavailable, "") for status in (401, 403, 408, 429, 500, 503)),
    ],
)
def test_what_a_status_means(web: Web, status: int, error: type[Exception], code: str) -> None:
    # One that asks for patience is heeded by the job's own wait.
    web.answers["/a.wav"] = lambda exchange: exchange.reply(status, headers={"Retry-After": "30"})

    with pytest.raises(error) as raised:
        probe(f"{web.url}/a.wav?token=very-secret", access_to(web))

    assert getattr(raised.value, "code", "") == code
    assert f"status {status}" in str(raised.value)
    assert "very-secret" not in str(raised.value)


def test_nothing_is_empty_and_is_told_from_a_part_that_is_not_there(web: Web) -> None:
    web.files["/a.wav"] = b""

    assert refusal_of(f"{web.url}/a.wav", access_to(web)).code == "media_empty"


@pytest.mark.parametrize("total", [1_500_000_001, 10**15])
def test_media_that_is_too_large_is_refused_by_what_the_server_says(web: Web, total: int) -> None:
    web.answers["/a.wav"] = lambda exchange: exchange.reply(
        206, LARGE[:BLOCK_BYTES], {"Content-Range": f"bytes 0-{BLOCK_BYTES - 1}/{total}"}
    )
    assert refusal_of(f"{web.url}/a.wav", access_to(web)).code in {"media_too_large", "media_unreadable"}


def without_length(exchange: Exchange) -> None:
    exchange.send_response(200)
    exchange.send_header("Transfer-Encoding", "chunked")
    exchange.end_headers()
    exchange.wfile.write(b"1\r\na\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (without_length, "does not say how long"),
        (lambda exchange: exchange.reply(200, b"a", {"Content-Encoding": "gzip"}), "comes packed"),
        (lambda exchange: exchange.reply(200, b"a", {"Content-Encoding": "br, identity"}), "comes packed"),
        (lambda exchange: exchange.reply(206, b"a"), "which part"),
        (lambda exchange: exchange.reply(206, b"a", {"Content-Range": "bytes 0-0/*"}), "how long"),
        (lambda exchange: exchange.reply(206, b"a", {"Content-Range": "bytes 5-5/9"}), "which part"),
        (lambda exchange: exchange.reply(206, b"a", {"Content-Range": "bytes 0-0/-9"}), "how long"),
    ],
)
def test_an_answer_of_unknown_length_or_form_is_refused(
    web: Web, answer: Callable[[Exchange], None], reason: str
) -> None:
    web.answers["/a.wav"] = answer

    refusal = refusal_of(f"{web.url}/a.wav", access_to(web))

    assert (refusal.code, reason in str(refusal)) == ("media_unreadable", True), refusal


@pytest.mark.parametrize(("tag", "modified"), [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("replaced", [LARGE + b"more", LARGE[:-9], LARGE[:-1] + b"!"])
def test_media_that_changed_since_it_was_looked_at(
    web: Web, tag: bool, modified: bool, replaced: bytes
) -> None:
    web.files["/a.wav"] = LARGE
    web.answers["/a.wav"] = lambda exchange: exchange.give(tag=tag, modified=modified)
    stream = open_media(f"{web.url}/a.wav", access_to(web))[1]
    web.files["/a.wav"] = replaced
    if not tag and len(replaced) == len(LARGE):
        return  # without a tag or a time nobody can tell

    with pytest.raises(MediaRefused) as raised:
        read_all(stream)
    assert raised.value.code == "media_changed"


@pytest.mark.parametrize("at", [0, 1])
def test_media_that_changes_while_it_is_read(web: Web, at: int) -> None:
    web.files["/a.wav"] = LARGER
    stream = open_media(f"{web.url}/a.wav", access_to(web))[1]
    for _ in range(at):
        stream.read(1000)
    web.files["/a.wav"] = LARGER[:-1] + b"!"

    with pytest.raises(MediaRefused) as raised:
        read_all(stream)
    assert raised.value.code == "media_changed"


def test_what_breaks_off_is_waited_for_and_never_taken_for_whole(web: Web) -> None:
    web.files["/a.wav"] = LARGE
    media = probe(f"{web.url}/a.wav", access_to(web))

    def break_off(exchange: Exchange) -> None:
        if "Range" in exchange.headers:
            exchange.give()
        else:
            etag = media.fingerprint.split("\n")[1]
            exchange.reply(
                200,
                LARGE[:5000],
                {
                    "Content-Length": str(len(LARGE)),
                    "ETag": etag,
                    "Last-Modified": media.fingerprint.split("\n")[2],
                },
            )
            exchange.close_connection = True

    web.answers["/a.wav"] = break_off
    with pytest.raises(MediaUnavailable, match="broke the connection off"):
        read_all(open_media(media.reference, access_to(web))[1])


def drip(exchange: Exchange) -> None:
    exchange.send_response(206)
    exchange.send_header("Content-Range", f"bytes 0-{BLOCK_BYTES - 1}/{len(LARGE)}")
    exchange.send_header("Content-Length", str(BLOCK_BYTES))
    exchange.end_headers()
    _drip(exchange, LARGE[:4000])


def drip_head(exchange: Exchange) -> None:
    _drip(exchange, b"HTTP/1.1 206 Partial Content\r\n" + b"X-A: b\r\n" * 1000)


def _drip(exchange: Exchange, content: bytes) -> None:
    for place in range(len(content)):
        exchange.wfile.write(content[place : place + 1])
        time.sleep(0.02)


@pytest.mark.parametrize("answer", [drip, drip_head])
def test_a_server_that_drips_is_left_at_the_deadline(
    web: Web, answer: Callable[[Exchange], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PART_WITHIN_S", 0.5)
    web.answers["/a.wav"] = answer
    began = time.monotonic()

    with pytest.raises(MediaUnavailable):
        probe(f"{web.url}/a.wav", access_to(web))
    assert time.monotonic() - began < 30


def test_a_silent_server_is_left(web: Web) -> None:
    web.answers["/a.wav"] = lambda _: time.sleep(1.0)

    with pytest.raises(MediaUnavailable, match=r"was silent for 0\.3 s"):
        probe(f"{web.url}/a.wav", Access((web.url,), read_timeout_s=0.3))


def test_a_server_whose_certificate_is_of_an_unknown_authority(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    connection._pools.cache_clear()

    with pytest.raises(MediaUnavailable, match="cannot be trusted"):
        probe(f"{web.url}/a.wav?x=very-secret", access_to(web))
    assert web.requests == []


@pytest.mark.parametrize(
    "name",
    [
        'a"; filename="b.exe',
        "a%0D%0AX-Evil: 1",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "🎧",
        "a" * 400,
        "a.wav.exe",
        "-rf",
        ".htaccess",
        "%E2%80%AEvaw.exe",
        "",
    ],
)
def test_names_from_addresses_are_cleaned(web: Web, name: str) -> None:
    web.answers["/"] = web.answers["/x"] = Exchange.give
    path = targets.target_of(f"{web.url}/{name}").path if ".." not in name else ""
    if not path:
        assert refusal_of(f"{web.url}/{name}", access_to(web)).code == "media_unreadable"
        return
    web.files[path] = LARGE

    file_name = probe(f"{web.url}/{name}", access_to(web)).file_name

    assert file_name.endswith(".wav")
    assert len(file_name) <= 100
    assert file_name.replace(".", "").replace("_", "").replace("-", "").isalnum()
    assert file_name[0] not in ".-" or name == "-rf"


def test_headers_go_to_their_host_alone(web: Web) -> None:
    web.files["/a.wav"] = LARGE
    web.answers["/away.wav"] = lambda exchange: exchange.redirect(f"https://127.0.0.1:{web.port}/a.wav")
    headers = ((f"localhost:{web.port}", "Authorization", "Bearer very-secret"),)
    access = Access((web.url, f"https://127.0.0.1:{web.port}"), headers)

    probe(f"{web.url}/away.wav", access)

    assert [(path, sent.get("Authorization")) for path, sent in web.requests] == [
        ("/away.wav", "Bearer very-secret"),
        ("/a.wav", None),
    ]
    assert "very-secret" not in repr(access)
    probe(
        f"https://127.0.0.1:{web.port}/a.wav", Access(access.roots, (("localhost", "X-Key", "very-secret"),))
    )
    assert "X-Key" not in web.requests[-1][1]


def redirect_to(location: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.redirect(location, 307)


@pytest.mark.parametrize(("hops", "is_taken"), [(3, True), (4, False)])
def test_redirects_are_followed_three_times(web: Web, hops: int, is_taken: bool) -> None:
    web.files["/0"] = LARGE
    for hop in range(1, hops + 1):
        web.answers[f"/{hop}"] = redirect_to(f"{hop - 1}")

    if is_taken:
        assert probe(f"{web.url}/{hops}", access_to(web)).size_bytes == len(LARGE)
    else:
        assert "more than 3 times" in str(refusal_of(f"{web.url}/{hops}", access_to(web)))


LEADS_TO = [
    ("https://127.0.0.1/secret.wav", "not a public address"),
    ("https://private.example.com/secret.wav", "not a public address"),
    ("//[::1]/secret.wav", "not a public address"),
    ("https://169.254.169.254/latest", "never asked"),
    ("http://localhost:PORT/secret.wav", "not encrypted"),
    ("https://user@localhost:PORT/secret.wav", "names a user"),
    ("https://127.0.0.1:PORT/secret.wav", "port"),
    ("https://2130706433/secret.wav", "neither a plain name"),
    ("../../secret.wav", "port"),
    ("/allowed/..%2fsecret.wav", "'.' or '..'"),
    ("file:///etc/passwd", "is not like"),
    ("gopher://localhost/", "is not like"),
    ("", "more than 3 times"),
]


@pytest.mark.parametrize(("location", "reason"), LEADS_TO)
def test_each_hop_is_checked(web: Web, resolver: Names, location: str, reason: str) -> None:
    resolver["private.example.com"] = ["10.1.2.3"]
    web.files["/secret.wav"] = LARGE
    location = location.replace("PORT", str(web.port))
    web.answers["/allowed/a.wav"] = lambda exchange: exchange.redirect(location)

    refusal = refusal_of(f"{web.url}/allowed/a.wav", Access((f"{web.url}/allowed",)))

    assert reason in str(refusal)
    assert {path for path, _ in web.requests} == {"/allowed/a.wav"}


def give_and_close(exchange: Exchange) -> None:
    exchange.give()
    exchange.close_connection = True


@pytest.fixture
def public(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A second server that passes for a public one: its address and its port are called so for the test."""
    with running_web(tmp_path, host="127.0.0.2", port=web.port) as running:
        both = tmp_path / "both.pem"
        both.write_bytes(running.authority.read_bytes() + web.authority.read_bytes())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(both))
        connection._pools.cache_clear()
        monkeypatch.setitem(targets.PORTS, "https", running.port)
        monkeypatch.setattr(connection, "is_public", lambda each: str(each) == "127.0.0.2" or is_public(each))
        yield running


def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(
    web: Web, public: Web, resolver: Names
) -> None:
    # The first look-up says the public server, every later one the private one on the same port.
    answers = iter([["127.0.0.2"]])
    resolver["media.example.com"] = lambda: next(answers, ["127.0.0.1"])
    public.files["/a.wav"] = web.files["/a.wav"] = LARGE
    public.answers["/a.wav"] = give_and_close

    stream = open_media("https://media.example.com/a.wav", Access())[1]

    assert len(public.requests) == 1
    with pytest.raises(MediaRefused, match=r"leads to 127\.0\.0\.1, which is not a public address"):
        read_all(stream)
    assert web.requests == []


def test_a_connection_that_a_root_allows_serves_nothing_else(web: Web, public: Web, resolver: Names) -> None:
    # The host is private and allowed below one folder; its open connection must not be used for another.
    resolver["other.example.com"] = ["127.0.0.1"]
    web.files["/allowed/a.wav"] = web.files["/secret.wav"] = LARGE
    access = Access(("https://other.example.com/allowed",))

    assert probe("https://other.example.com/allowed/a.wav", access).size_bytes == len(LARGE)
    assert refusal_of("https://other.example.com/secret.wav", access).code == "media_address_forbidden"
    assert [path for path, _ in web.requests] == ["/allowed/a.wav"]


def test_no_proxy_is_asked(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    web.files["/a.wav"] = LARGE

    assert probe(f"{web.url}/a.wav", access_to(web)).size_bytes == len(LARGE)
