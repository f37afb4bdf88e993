"""What media may be read, and with what: the roots below which it may lie, and the headers of web servers.

Producers are not trusted with paths or addresses: whoever hands recordings in could otherwise have a worker
read whatever the worker may. What lies below a root is allowed, whether the root is a folder or an address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pipeline.settings import Settings
from pipeline.settings.address import scheme_of
from pipeline.settings.headers import headers_of


@dataclass(frozen=True, slots=True)
class AzureAccount:
    """An account of Azure Blob Storage: by its connection string, or else by its name.

    Attributes:
        connection_string: Has its endpoint, and a key or a SAS token; secret.
        name: Asked with `key`, or else as whom azure-identity finds.
        key: Secret.
        endpoint: Its address, where that is not the public cloud's.
    """

    connection_string: str | None = field(default=None, repr=False)
    name: str | None = None
    key: str | None = field(default=None, repr=False)
    endpoint: str | None = None

    def __bool__(self) -> bool:
        """Tell whether it is named at all."""
        return bool(self.connection_string or self.name)


@dataclass(frozen=True, slots=True)
class Access:
    """What this process may read.

    Attributes:
        roots: Folders, and addresses such as `s3://bucket/prefix`, in the order in which they are tried.
        headers: Host (with its port, where it is not the scheme's own), name and value of what is sent to
            that host alone; secret.
        connect_timeout_s: For each address of a host, and for the TLS handshake.
        read_timeout_s: For each silence of a store.
        link_lifetime_s: For how long a signed address may be used.
        sftp_password: For hosts that take no key; secret.
        azure: The account in which blobs are.
    """

    roots: tuple[Path | str, ...] = ()
    headers: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    link_lifetime_s: float = 86_400.0
    sftp_password: str | None = field(default=None, repr=False)
    azure: AzureAccount = AzureAccount()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Give what the settings allow."""
        return cls(
            roots=settings.media_roots,
            headers=headers_of(settings.media_headers or ""),
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s,
            link_lifetime_s=settings.link_lifetime_s,
            sftp_password=settings.sftp_password,
            azure=AzureAccount(
                connection_string=settings.azure_storage_connection_string,
                name=settings.azure_storage_account,
                key=settings.azure_storage_key,
                endpoint=settings.azure_storage_service_endpoint,
            ),
        )

    @property
    def folders(self) -> tuple[Path, ...]:
        """The roots that are folders."""
        return tuple(root for root in self.roots if isinstance(root, Path))

    def addresses(self, *schemes: str) -> tuple[str, ...]:
        """Give the roots that are addresses with one of these schemes, or with any."""
        texts = (root for root in self.roots if isinstance(root, str))
        return tuple(text for text in texts if not schemes or scheme_of(text) in schemes)
