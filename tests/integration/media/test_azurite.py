"""Blobs in Azurite, Microsoft's own emulator of Azure Storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest
from requests import get

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media import Access, open_media, probe
from pipeline.media.access import AzureAccount
from pipeline.media.sources import az, sign_link
from tests.azurite import running_azurite
from tests.blobs import ACCOUNT, KEY, Account, running_azure
from tests.integration.media.test_az import LARGE, ODD_NAMES, ROOT
from tests.integration.media.test_web import LARGER, read_all, refusal_of

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with blobs, and an identity that this process may ask as."""
    folder = tmp_path_factory.mktemp("azurite")
    with (
        running_azurite(folder) as running,
        running_azure(folder) as identities,
        pytest.MonkeyPatch.context() as patched,
    ):
        trusted = folder / "trusted.pem"
        trusted.write_bytes(running.authority.read_bytes() + identities.authority.read_bytes())
        for name, value in (identities.identity | {"REQUESTS_CA_BUNDLE": str(trusted)}).items():
            patched.setenv(name, value)
        contents = dict.fromkeys(ODD_NAMES, LARGE) | {"empty.wav": b"", "large.wav": LARGER}
        running.put("calls", {f"2026/{name}": content for name, content in contents.items()})
        az._store_of.cache_clear()
        yield running
    az._store_of.cache_clear()


def by_key(account: Account) -> Access:
    return Access((ROOT,), azure=AzureAccount(account.connection))


def as_identity(account: Account) -> Access:
    return Access((ROOT,), azure=AzureAccount(name=ACCOUNT, endpoint=account.endpoint))


@pytest.mark.parametrize("by", [by_key, as_identity])
@pytest.mark.parametrize("name", [*ODD_NAMES, "large.wav"])
def test_a_blob_is_read(account: Account, by: Callable[[Account], Access], name: str) -> None:
    access, content = by(account), LARGER if name == "large.wav" else LARGE

    assert read_all(open_media(f"{ROOT}/{name}", access)[1]) == sha256(content).hexdigest()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_blob_is_linked_to(account: Account, name: str) -> None:
    link = sign_link(f"{ROOT}/{name}", by_key(account))

    assert get(link, timeout=5).content == LARGE
    assert get(link.replace("se=2", "se=3"), timeout=5).status_code == 403


def test_a_key_is_lent_to_an_identity(account: Account) -> None:
    # Azurite 3.37 does not know the newest form of what such a link signs; `tests/blobs.py` does.
    assert "&skoid=" in sign_link(f"{ROOT}/a call.wav", as_identity(account))


def test_a_sas_token_reads(account: Account) -> None:
    token = sign_link(f"{ROOT}/a call.wav", by_key(account)).partition("?")[2]
    connection = f"BlobEndpoint={account.endpoint};SharedAccessSignature={token}"

    assert probe(f"{ROOT}/a call.wav", Access((ROOT,), azure=AzureAccount(connection))).size_bytes == len(
        LARGE
    )


def test_what_is_refused(account: Account) -> None:
    access = by_key(account)
    assert refusal_of(f"{ROOT}/empty.wav", access).code == "media_empty"
    assert refusal_of(f"{ROOT}/none.wav", access).code == "media_missing"
    with pytest.raises(MediaUnavailable, match="404, ContainerNotFound"):
        probe("az://none/a.wav", Access(("az://none",), azure=access.azure))
    other = account.connection.replace(KEY, KEY.replace("a", "b", 1))
    with pytest.raises(MediaUnavailable, match=r"refused by its store now \(40[03], "):
        probe(f"{ROOT}/a call.wav", Access((ROOT,), azure=AzureAccount(other)))


def test_a_blob_in_the_archive_is_refused_until_it_is_restored(account: Account) -> None:
    with account.client as client:
        blob = client.get_blob_client("calls", "2026/old.wav")
        blob.upload_blob(LARGE)
        blob.set_standard_blob_tier("Archive")

    assert "restore it" in str(refusal_of(f"{ROOT}/old.wav", by_key(account)))


def test_a_blob_that_is_replaced_while_it_is_read(account: Account) -> None:
    access = by_key(account)
    with account.client as client:
        blob = client.get_blob_client("calls", "2026/new.wav")
        blob.upload_blob(LARGER)
        stream = open_media(f"{ROOT}/new.wav", access)[1]
        stream.read(1000)
        blob.upload_blob(LARGER[:-1] + b"!", overwrite=True)

        with pytest.raises(MediaRefused) as raised:
            read_all(stream)
    assert raised.value.code == "media_changed"
