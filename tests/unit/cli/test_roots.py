"""Where media is looked for when nobody says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.roots import settings_for


@pytest.mark.parametrize(
    ("manifest", "root"),
    [("-", "."), ("/dev/fd/63", "."), ("calls.csv", "."), ("of/calls.csv", "of")],
)
def test_it_is_beside_the_manifest_or_here_when_that_is_piped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manifest: str, root: str
) -> None:
    for name in ("GONG_INGEST_MEDIA_ROOTS", "GONG_INGEST_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    assert settings_for(Path(manifest), None).media_roots == (tmp_path / root,)
