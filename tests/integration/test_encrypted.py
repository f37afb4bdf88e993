"""A server that is reached encrypted: whom it is believed, whom it believes, and what is said if not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import LedgerUnreachable
from pipeline.job import Lane
from pipeline.ledger import Ledger
from pipeline.settings import Access
from pipeline.store import Store
from tests.authorities import Authority, Certificate
from tests.flowers import free_port
from tests.integration.ledger.bench import BATCH, make_submission
from tests.servers import Server, program_of, running_server

# The project's own server speaks no TLS.
pytestmark = pytest.mark.long

HOST = ("localhost", "127.0.0.1")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def encrypted_server(
    authority: Authority, certificate: Certificate, *, asks: bool = False
) -> Iterator[tuple[Server, str]]:
    """Run a server that speaks TLS, and asks for certificates perhaps; gives its address too."""
    port = free_port()
    options = {
        "tls_port": str(port),
        "tls_cert_file": str(certificate.path),
        "tls_key_file": str(certificate.key),
        "tls_ca_cert_file": str(authority.path),
        "tls_auth_clients": "yes" if asks else "no",
    }
    with running_server(program=program_of("redis-server"), **options) as server:
        yield server, f"rediss://localhost:{port}/0"


def say(url: str, access: Access, *, retries: int = 100) -> str:
    """Give what is said of a server that cannot be used: at once, however often it might be asked again."""
    store = Store(url, "test", retries=retries, access=access)
    with pytest.raises(LedgerUnreachable) as caught:
        store.ping()
    store.close()
    return str(caught.value)


def test_everything_goes_over_an_encrypted_connection(authority: Authority) -> None:
    with encrypted_server(authority, authority.give("server", HOST)) as (server, url):
        store = Store(url, "test", access=Access(authority=authority.path))
        ledger = Ledger(store, lease_ttl_s=30, attempts_max=3)
        notices = store.subscribe("notices")

        ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)

        assert store.wait_for_wake(5)
        server.client.publish("test:notices", "1 void")
        assert notices.read(5) == "1 void"
        assert len(ledger.claim([Lane.LIVE], window=9).jobs) == 1
        store.close()


def test_a_server_that_asks_for_a_certificate_gets_it(authority: Authority) -> None:
    mine = authority.give("client", ["client.example.com"])
    with encrypted_server(authority, authority.give("server", HOST), asks=True) as (_, url):
        access = Access(authority=authority.path, certificate=mine.path, certificate_key=mine.key)
        store = Store(url, "test", access=access)

        store.ping()

        store.close()


def test_a_server_that_asks_for_a_certificate_and_gets_none_says_so(authority: Authority) -> None:
    with encrypted_server(authority, authority.give("server", HOST), asks=True) as (_, url):
        said = say(url, Access(authority=authority.path))

    assert "it asks for a certificate" in said or "it ends the encrypted connection at once" in said
    assert "GONG_INGEST_REDIS_CERTIFICATE" in said


def test_a_certificate_of_somebody_else_is_not_taken_by_the_server(
    authority: Authority, tmp_path: Path
) -> None:
    mine = Authority(tmp_path, "other").give("client", ["client.example.com"])
    with encrypted_server(authority, authority.give("server", HOST), asks=True) as (_, url):
        access = Access(authority=authority.path, certificate=mine.path, certificate_key=mine.key)

        said = say(url, access)

    assert "does not take one from that authority" in said or "does not take the one in" in said
    assert "GONG_INGEST_REDIS_CERTIFICATE" in said


def test_a_server_of_an_unknown_authority_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    with encrypted_server(authority, authority.give("server", HOST)) as (_, url):
        for access in (Access(), Access(authority=Authority(tmp_path, "other").path)):
            assert "an authority that is not known here; name the file with that one's" in say(url, access)


def test_a_certificate_that_has_expired_is_not_believed(authority: Authority) -> None:
    with encrypted_server(authority, authority.give("server", HOST, ended=True)) as (_, url):
        said = say(url, Access(authority=authority.path))

    assert "its certificate has expired; renew it there." in said


@pytest.mark.parametrize("asked", ["localhost", "127.0.0.1"])
def test_a_certificate_for_another_name_is_not_believed(authority: Authority, asked: str) -> None:
    with encrypted_server(authority, authority.give("server", ["redis.example.com"])) as (_, url):
        said = say(url.replace("localhost", asked), Access(authority=authority.path))

    assert "its certificate is for another name; write the host in GONG_INGEST_REDIS_URL as it does" in said


def test_a_server_that_is_not_encrypted_is_told_from_one_that_is(authority: Authority) -> None:
    port = free_port()
    with running_server(port=str(port)):
        said = say(f"rediss://localhost:{port}/0", Access(authority=authority.path), retries=0)

    assert "it does not answer encrypted at that port" in said
