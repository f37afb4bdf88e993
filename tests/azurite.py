"""Azurite, Microsoft's emulator of Azure Storage, as a process of its own: `npm install --global azurite`."""

from __future__ import annotations

import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.blobs import ACCOUNT, KEY, Account
from tests.environment import ENVIRONMENT
from tests.simulators import stop

READY_WITHIN_S = 60


@contextmanager
def running_azurite(folder: Path) -> Iterator[Account]:
    """Run it, with TLS, so that identities may be asked as; fails where it is missing."""
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.fail("Azurite is missing: npm install --global azurite (Debian's packages nodejs and npm).")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "azurite.pem")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for part in issued.cert_chain_pems:
        part.write_to_path(folder / "chain.pem", append=True)
    process = subprocess.Popen(
        [
            *(program, "--inMemoryPersistence", "--disableTelemetry", "--silent", "--blobPort", "0"),
            # The client is ahead of it by a version now and then.
            "--skipApiVersionCheck",
            *("--oauth", "basic", "--cert", str(folder / "chain.pem"), "--key", str(folder / "key.pem")),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**ENVIRONMENT, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
    )
    try:
        yield Account(f"{_address_of(process)}/{ACCOUNT}", folder / "azurite.pem")
    finally:
        stop(process)


def _address_of(process: subprocess.Popen[str]) -> str:
    """Wait until it says where it listens."""
    while process.stdout is not None and select.select([process.stdout], [], [], READY_WITHIN_S)[0]:
        line = process.stdout.readline()
        if found := re.search(r"listens on (https://\S+)", line):
            return found[1]
        if not line:
            break
    raise RuntimeError("Azurite did not say where it listens.")
