"""What the settings of the way to the ledger's server must be, each rule with its sentence."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pipeline.settings.access import SENTINEL_SCHEMES, is_encrypted
from pipeline.settings.address import REDIS_ADDRESS, has_tls_options, is_redis_address, scheme_of
from pipeline.settings.environment import PREFIX

OF_TLS = f"{PREFIX}REDIS_CA, REDIS_CERTIFICATE and REDIS_CERTIFICATE_KEY"
CERTIFICATES_ELSEWHERE = f"{PREFIX}REDIS_URL must say nothing of certificates: these are in {OF_TLS}."
NOT_ENCRYPTED = f"{OF_TLS} are for an encrypted server, whose address begins with rediss:// or sentinels://."
NO_PATH = (
    f"{OF_TLS} must be paths of files, not what stands in them; a name with _FILE at its end is for a "
    "file that holds the path."
)


def rules_of_server(
    address: str, files: Collection[Path | None], *, sentinel_password: str | None
) -> list[tuple[bool, str]]:
    """List what must hold, each with the sentence for when it does not.

    Args:
        address: Of the server, '' if none is configured.
        files: Authority, certificate, and its key.
        sentinel_password: What the Sentinels ask for.
    """
    _, certificate, key = files
    return [
        (not address or is_redis_address(address), f"{PREFIX}REDIS_URL must be {REDIS_ADDRESS}."),
        (not has_tls_options(address), CERTIFICATES_ELSEWHERE),
        (not any(files) or is_encrypted(address), NOT_ENCRYPTED),
        (not any("-----BEGIN" in str(path) for path in files), NO_PATH),
        (
            not key or bool(certificate),
            f"{PREFIX}REDIS_CERTIFICATE_KEY needs {PREFIX}REDIS_CERTIFICATE.",
        ),
        (
            not sentinel_password or scheme_of(address) in SENTINEL_SCHEMES,
            f"{PREFIX}REDIS_SENTINEL_PASSWORD needs Sentinels in {PREFIX}REDIS_URL.",
        ),
    ]
