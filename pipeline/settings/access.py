"""How the ledger's server is reached: through Sentinel, encrypted, with which certificates.

Invariants: an encrypted server shows a certificate that an authority known here gave to its very name; there
is no setting to leave that out. The same options are right for redis-py, kombu and Celery, which share their
names. No sentence shows a password.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pipeline.errors import SettingsInvalid

if TYPE_CHECKING:
    from pipeline.settings import Settings

SENTINEL_SCHEMES = ("sentinel", "sentinels")
SENTINEL_PORT = 26_379
ENCRYPTED_SCHEMES = ("rediss", "sentinels")


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Who knows which server is the primary: `sentinel://user:password@host:port,host:port/service/database`.

    Attributes:
        hosts: Each with its port.
        service: The name that the Sentinels watch the server under.
        user: Of the server itself; None, and no password, when it asks for none.
    """

    hosts: tuple[tuple[str, int], ...]
    service: str
    database: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What else the way to the server needs, beside its address.

    Attributes:
        authority: File with the certificates of those who may have given the server its own; None for
            those that the system knows.
        certificate: File with the certificate that this program shows; None when the server asks for none.
        certificate_key: File with its key; None if that lies in the same file.
        sentinel_password: What the Sentinels themselves ask for.
    """

    authority: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    sentinel_password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Access:
        """Take it from the settings."""
        return cls(
            authority=settings.redis_ca,
            certificate=settings.redis_certificate,
            certificate_key=settings.redis_certificate_key,
            sentinel_password=settings.redis_sentinel_password,
        )

    def tls_options(self) -> dict[str, Any]:
        """Give the options of an encrypted connection, as redis-py, kombu and Celery know them.

        Raises:
            SettingsInvalid: A file cannot be read, or does not hold what it should.
        """
        self._check_files()
        options: dict[str, Any] = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
        files = {
            "ssl_ca_certs": self.authority,
            "ssl_certfile": self.certificate,
            "ssl_keyfile": self.certificate_key,
        }
        return options | {name: str(path) for name, path in files.items() if path}

    def sentinel_options(self, *, is_encrypted: bool) -> dict[str, Any]:
        """Give the options of a connection to a Sentinel."""
        options: dict[str, Any] = {"password": self.sentinel_password} if self.sentinel_password else {}
        return options | ({"ssl": True} | self.tls_options() if is_encrypted else {})

    def _check_files(self) -> None:
        """Find out now, and not at every connection, what is wrong with the files."""
        files = {
            "REDIS_CA": self.authority,
            "REDIS_CERTIFICATE": self.certificate,
            "REDIS_CERTIFICATE_KEY": self.certificate_key,
        }
        for name, path in files.items():
            _check_readable(f"GONG_INGEST_{name}", path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.authority:
            with _refused(f"GONG_INGEST_REDIS_CA: {self.authority} holds no certificates (PEM)."):
                context.load_verify_locations(self.authority)
        if self.certificate:
            sentence = (
                f"GONG_INGEST_REDIS_CERTIFICATE: {self.certificate} must hold a certificate (PEM), and "
                f"{self.certificate_key or 'the same file'} its key, without a passphrase."
            )
            with _refused(sentence):
                # An empty passphrase, or a person would be asked for one.
                context.load_cert_chain(self.certificate, self.certificate_key, password="")


def _check_readable(name: str, path: Path | None) -> None:
    try:
        if path:
            path.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"{name}: the file {path} cannot be read: {error.strerror}.") from error


class _refused:  # noqa: N801 - reads as a word of the statement it stands in
    """Say of what OpenSSL does not take what it should be."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ssl.SSLError | OSError | ValueError):
            raise SettingsInvalid(self._sentence) from error


def is_encrypted(address: str) -> bool:
    """Tell whether the way to a server of that address is encrypted."""
    return address.partition("://")[0] in ENCRYPTED_SCHEMES


def sentinels_of(address: str) -> Sentinels | None:
    """Take an address apart that names Sentinels; None for one that names the server itself.

    Raises:
        ValueError: It is not complete.
    """
    # Several hosts are more than `urlsplit` takes: newer versions refuse brackets that are not around all.
    scheme, _, rest = address.partition("://")
    if scheme.lower() not in SENTINEL_SCHEMES:
        return None
    netloc, _, path = rest.partition("/")
    credentials, _, hosts = netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    service, _, database = path.strip("/").partition("/")
    if not service or {"?", "#"} & set(rest) or (database and not database.isdecimal()):
        raise ValueError(address)
    return Sentinels(
        hosts=tuple(map(_host_of, hosts.split(","))),
        service=unquote(service),
        database=int(database or 0),
        user=unquote(user) or None,
        password=unquote(password) or None,
        is_encrypted=is_encrypted(address),
    )


def _host_of(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.path:
        raise ValueError(text)
    return parts.hostname, parts.port or SENTINEL_PORT
