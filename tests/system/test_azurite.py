"""A whole backfill of media in Azurite, Microsoft's own emulator of Azure Storage."""

from __future__ import annotations

from pathlib import Path

import pytest
from requests import get

from tests.azurite import running_azurite
from tests.recordings import make_recordings, media_in
from tests.system.scenarios import set_up
from tests.system.test_sources import COUNT, brought_in, contents_of

pytestmark = pytest.mark.long


@pytest.mark.parametrize("mode", ["upload", "link"])
def test_media_in_azurite(tmp_path: Path, mode: str) -> None:
    recordings = make_recordings(tmp_path / "recordings", COUNT)
    with set_up(tmp_path) as (machine, simulator), running_azurite(tmp_path) as account:
        account.put("calls", {f"2026/{path}": content for path, content in contents_of(recordings)})
        machine.settings |= {
            "AZURE_STORAGE_CONNECTION_STRING": account.connection,
            "REQUESTS_CA_BUNDLE": str(account.authority),
        }

        document = brought_in(machine, recordings, "az://calls/2026", "--media-mode", mode)

        assert document["done"] == COUNT
        if mode == "upload":
            assert media_in(simulator) == recordings.expected()
            return
        links = [call["body"]["downloadMediaUrl"] for call in simulator.record("requests=0")["calls"]]
        pulled = {get(link, timeout=60, verify=str(account.authority)).content for link in links}
        assert pulled == {content for _, content in contents_of(recordings)}
        assert document["requests"] == COUNT
