"""Blobs in Azure Blob Storage: a server that follows its documents, asked by Microsoft's own client."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from requests import get

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media import Access, may_link, open_media, probe
from pipeline.media.access import AzureAccount
from pipeline.media.remote import BLOCK_BYTES
from pipeline.media.sources import az, sign_link
from tests.blobs import ACCOUNT, KEY, Azure, running_azure
from tests.integration.media.test_web import LARGER, read_all, refusal_of
from tests.recordings import wav
from tests.unit.media.samples import box, mp4
from tests.web import Exchange

LARGE = wav(bytes(range(256)) * 2_000)
ROOT = "az://calls/2026"
ODD_NAMES = ["a call.wav", "50% #?&+=.wav", "ä/日本.wav", "a'b\"c.wav", "%41.wav", "~x/;y.wav"]


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """A server with blobs."""
    with running_azure(tmp_path_factory.mktemp("azure")) as running, pytest.MonkeyPatch.context() as patched:
        patched.setenv("REQUESTS_CA_BUNDLE", str(running.authority))
        for name, value in running.identity.items():
            patched.setenv(name, value)
        index_last = box(b"ftyp", b"isom" + bytes(4)) + box(b"mdat", bytes(300_000)) + mp4(b"soun")[20:]
        contents = dict.fromkeys(ODD_NAMES, LARGE)
        contents |= {"empty.wav": b"", "text.wav": b"no media", "b.mp4": index_last, "large.wav": LARGER}
        running.put("calls", {f"2026/{name}": content for name, content in contents.items()})
        yield running


@pytest.fixture(autouse=True)
def _asked_anew(azure: Azure) -> Iterator[None]:
    """Whatever a test does, the next one begins with a client of its own."""
    az._store_of.cache_clear()
    azure.web.requests.clear()
    yield
    azure.web.answers.clear()
    az._store_of.cache_clear()


def replace(azure: Azure, name: str, content: bytes) -> None:
    with azure.client as client:
        client.get_blob_client("calls", name).upload_blob(content, overwrite=True)


def access_of(azure: Azure, connection: str | None = None, **account: Any) -> Access:
    named = AzureAccount(**account) if account else AzureAccount(connection or azure.connection)
    return Access((ROOT,), read_timeout_s=5.0, connect_timeout_s=2.0, azure=named)


def as_identity(azure: Azure) -> Access:
    return access_of(azure, name=ACCOUNT, endpoint=azure.endpoint)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_blob_is_looked_at_with_one_request_and_read(azure: Azure, name: str) -> None:
    access = access_of(azure)
    for reference in (f"{ROOT}/{name}", name):
        azure.web.requests.clear()
        media = probe(reference, access, measured=True)
        assert (media.size_bytes, media.content_type) == (len(LARGE), "audio/wav")
        assert media.duration_s == pytest.approx(64)
        asked = [headers.get("x-ms-range") for _, headers in azure.web.requests]
        assert asked == [f"bytes=0-{BLOCK_BYTES - 1}"]
        assert read_all(open_media(media.reference, access)[1]) == sha256(LARGE).hexdigest()


def test_all_of_a_blob_is_read_in_parts_of_one_version(azure: Azure) -> None:
    access = access_of(azure)
    media = probe(f"{ROOT}/large.wav", access)
    azure.web.requests.clear()

    assert read_all(open_media(media.reference, access)[1]) == sha256(LARGER).hexdigest()

    _looked, *parts, again = (headers for _, headers in azure.web.requests)
    assert len(parts) == -(-len(LARGER) // az.WINDOW_BYTES)
    assert len({headers["If-Match"] for headers in parts}) == 1
    assert "If-Match" not in again


def test_an_index_at_the_end_is_found(azure: Azure) -> None:
    assert probe(f"{ROOT}/b.mp4", access_of(azure)).content_type == "audio/mp4"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (f"{ROOT}/none.wav", "media_missing"),
        (f"{ROOT}/empty.wav", "media_empty"),
        (f"{ROOT}/text.wav", "media_kind"),
    ],
)
def test_what_is_refused(azure: Azure, reference: str, code: str) -> None:
    assert refusal_of(reference, access_of(azure)).code == code


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (f"{ROOT}/", "media_unreadable"),
        ("az://calls", "media_unreadable"),
        ("az://", "media_unreadable"),
        (f"{ROOT}/../2027/a.wav", "media_unreadable"),
        (f"{ROOT}/..\\2027\\a.wav", "media_unreadable"),
        (f"{ROOT}/%2e%2e/2027/a.wav", "media_unreadable"),
        (f"{ROOT}/%252E./2027/a.wav", "media_unreadable"),
        (f"{ROOT}/./a.wav", "media_unreadable"),
        (f"{ROOT}/a\0.wav", "media_unreadable"),
        ("az://calls/2027/a.wav", "media_outside_roots"),
        ("az://calls/2026-private/a.wav", "media_outside_roots"),
        ("az://calls//2026/a.wav", "media_outside_roots"),
        ("az://calls\\2026/a.wav", "media_outside_roots"),
        ("az://others/2026/a.wav", "media_outside_roots"),
        ("az://CALLS/2026/a.wav", "media_outside_roots"),
        ("az://calls?restype=container&x=/2026/a.wav", "media_outside_roots"),
        ("az://calls#/2026/a.wav", "media_outside_roots"),
        ("az://me@calls/2026/a.wav", "media_outside_roots"),
        ("az://calls:443/2026/a.wav", "media_outside_roots"),
        ("az://$root/2026/a.wav", "media_outside_roots"),
        ("az://127.0.0.1/calls/2026/a.wav", "media_outside_roots"),
        ("s3://calls/2026/a.wav", "media_outside_roots"),
    ],
)
def test_what_leads_elsewhere_is_refused_without_a_request(azure: Azure, reference: str, code: str) -> None:
    assert refusal_of(reference, access_of(azure)).code == code
    assert azure.web.requests == []


@pytest.mark.parametrize("name", ["a?snapshot=2020-01-01T00:00:00Z", "a.wav?sv=2025-01-05&sig=x", "a.wav#x"])
def test_what_looks_like_the_rest_of_an_address_is_part_of_a_name(azure: Azure, name: str) -> None:
    assert refusal_of(f"{ROOT}/{name}", access_of(azure)).code == "media_missing"
    assert {urlsplit(path).query for path, _ in azure.web.requests} == {""}


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_blob_that_is_replaced(azure: Azure, when: str) -> None:
    replace(azure, "2026/c.wav", LARGER)
    access = access_of(azure)
    media = probe(f"{ROOT}/c.wav", access)
    stream = open_media(media.reference, access)[1]
    if when == "while":
        stream.read(1000)
    replace(azure, "2026/c.wav", LARGER[:-1] + b"!")

    with pytest.raises(MediaRefused) as raised:
        read_all(stream)
    assert raised.value.code == "media_changed"


def test_a_blob_that_is_deleted_while_it_is_read_is_not_taken_for_whole(azure: Azure) -> None:
    replace(azure, "2026/d.wav", LARGER)
    access = access_of(azure)
    stream = open_media(f"{ROOT}/d.wav", access)[1]
    stream.read(1000)
    del azure.web.files[f"/{ACCOUNT}/calls/2026/d.wav"]

    with pytest.raises(MediaRefused, match=r"not there|changed"):
        read_all(stream)


def test_what_its_store_does_not_give_now_is_waited_for(azure: Azure) -> None:
    key = access_of(azure, azure.connection.replace(KEY, KEY.replace("a", "b", 1)))
    with pytest.raises(MediaUnavailable, match=r"refused by its store now \(403, AuthenticationFailed\)"):
        probe(f"{ROOT}/a call.wav", key)

    sas = f"BlobEndpoint=https://localhost:9/{ACCOUNT};SharedAccessSignature=sv=2025-01-05&sig=very-secret"
    with pytest.raises(MediaUnavailable, match=r"read now: ServiceRequestError\.$") as raised:
        probe(f"{ROOT}/a call.wav", access_of(azure, sas))
    assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)

    elsewhere = Access(("az://others",), azure=AzureAccount(azure.connection))
    with pytest.raises(MediaUnavailable, match=r"\(404, ContainerNotFound\)"):
        probe("az://others/a.wav", elsewhere)

    for odd in ("AccountName=a;AccountKey=no-base64;BlobEndpoint=http://a:9", "no connection string"):
        for ask in (probe, sign_link):
            with pytest.raises(MediaUnavailable, match="cannot be read now: "):
                ask(f"{ROOT}/a.wav", access_of(azure, odd))


@pytest.mark.parametrize(
    ("status", "code", "refusal"),
    [
        (409, "BlobArchived", "media_unreadable"),
        (400, "InvalidUri", "media_unreadable"),
        (409, "BlobBeingRehydrated", None),
        (503, "ServerBusy", None),
        (500, "InternalError", None),
        (400, "InvalidHeaderValue", None),
        (404, "ResourceNotFound", None),
    ],
)
def test_what_the_store_says(azure: Azure, status: int, code: str, refusal: str | None) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.fail(status, code)  # type: ignore[attr-defined] # of its own class

    azure.web.answers[f"/{ACCOUNT}/calls/2026/told.wav"] = answer

    with pytest.raises((MediaRefused, MediaUnavailable)) as raised:
        probe(f"{ROOT}/told.wav", access_of(azure))

    assert getattr(raised.value, "code", None) == refusal
    assert len(azure.web.requests) == 1


def test_a_blob_that_is_kept_compressed_is_read_as_it_lies_there(azure: Azure) -> None:
    packed = wav(bytes(5000))

    def answer(exchange: Exchange) -> None:
        headers = {
            "ETag": '"1"',
            "Content-Encoding": "gzip",
            "Last-Modified": "Fri, 27 Nov 2026 00:00:00 GMT",
        }
        told = f"bytes 0-{len(packed) - 1}/{len(packed)}"
        exchange.reply(206, packed, headers | {"Content-Range": told, "Content-Type": "audio/wav"})

    azure.web.answers[f"/{ACCOUNT}/calls/2026/packed.wav"] = answer

    assert probe(f"{ROOT}/packed.wav", access_of(azure)).size_bytes == len(packed)


def test_an_identity_is_asked_as(azure: Azure) -> None:
    media = probe(f"{ROOT}/a call.wav", as_identity(azure))

    assert media.size_bytes == len(LARGE)
    token, blob = azure.web.requests
    assert token[0].startswith("/msi/token")
    assert blob[1]["Authorization"].startswith("Bearer ")


def test_a_key_beside_the_name_of_the_account_is_used(azure: Azure) -> None:
    access = access_of(azure, name=ACCOUNT, key=KEY, endpoint=azure.endpoint)

    assert probe(f"{ROOT}/a call.wav", access).size_bytes == len(LARGE)
    assert azure.web.requests[0][1]["Authorization"].startswith(f"SharedKey {ACCOUNT}:")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_link_is_signed_with_the_accounts_key(azure: Azure, name: str) -> None:
    access = access_of(azure)
    assert may_link(f"{ROOT}/{name}", access)

    link = sign_link(f"{ROOT}/{name}", access)

    verify = str(azure.authority)
    assert get(link, timeout=5, verify=verify).content == LARGE
    assert get(link.replace("sp=r", "sp=rw"), timeout=5, verify=verify).status_code == 403
    assert (KEY not in link, parse_qs(urlsplit(link).query)["sp"]) == (True, ["r"])
    with pytest.raises(MediaRefused, match="is not there"):
        sign_link(f"{ROOT}/none.wav", access)


def test_links_of_an_identity_are_signed_with_a_key_that_is_lent_once(azure: Azure) -> None:
    access = as_identity(azure)

    links = [sign_link(f"{ROOT}/a call.wav", access) for _ in range(3)]

    assert [parse_qs(link)["skoid"] for link in links] == [["oid"]] * 3
    assert get(links[0], timeout=5, verify=str(azure.authority)).content == LARGE
    assert (
        get(links[0].replace("skoid=oid", "skoid=me"), timeout=5, verify=str(azure.authority)).status_code
        == 403
    )
    assert [path for path, _ in azure.web.requests if "userdelegationkey" in path] == [
        f"/{ACCOUNT}/?restype=service&comp=userdelegationkey"
    ]


def test_a_link_ends_at_the_latest_with_the_key_that_was_lent(azure: Azure) -> None:
    week = Access((ROOT,), azure=as_identity(azure).azure, link_lifetime_s=7 * 86_400.0)

    link = parse_qs(urlsplit(sign_link(f"{ROOT}/a call.wav", week)).query)

    assert link["se"] == link["ske"]


def test_a_sas_token_reads_and_signs_nothing(azure: Azure) -> None:
    token = sign_link(f"{ROOT}/a call.wav", access_of(azure)).partition("?")[2]
    access = access_of(azure, f"BlobEndpoint={azure.endpoint};SharedAccessSignature={token}")

    assert probe(f"{ROOT}/a call.wav", access).size_bytes == len(LARGE)
    with pytest.raises(MediaUnavailable, match="no key to sign with"):
        sign_link(f"{ROOT}/a call.wav", access)


def test_without_an_account_or_the_library_it_is_said_what_to_do(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refusal_of(f"{ROOT}/a call.wav", Access((ROOT,)))
    assert (refused.code, "AZURE_STORAGE_CONNECTION_STRING" in str(refused)) == ("media_source_missing", True)

    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("azure"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    refused = refusal_of(f"{ROOT}/a call.wav", access_of(azure))
    assert (refused.code, "gong-call-ingest[az]" in str(refused)) == ("media_source_missing", True)


def test_nothing_secret_is_shown_of_an_account() -> None:
    shown = repr(Access((ROOT,), azure=AzureAccount("AccountName=a;AccountKey=secret", "a", "secret")))
    assert "secret" not in shown
