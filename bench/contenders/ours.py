"""Hands a manifest in as `gong-ingest backfill` does once it is checked: every row read, checked, submitted.

python -m bench.contenders.ours MANIFEST MEDIA_ROOT
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.contenders.start import when_told
from pipeline.ledger import Ledger, Manifests
from pipeline.manifest import read_manifest
from pipeline.producer import Handed, Producer, Source
from pipeline.settings import Settings
from pipeline.store import Store

BATCH = "bench"


def main() -> None:
    """Hand the manifest in; a row that is rejected ends it."""
    manifest = Path(sys.argv[1])
    settings = Settings.from_env()
    store = Store.from_settings(settings)
    store.ping()
    producer = Producer(Ledger.from_settings(settings, store), Manifests(store), batch=BATCH)
    with when_told():
        for row in producer.backfill(read_manifest(manifest), Source(manifest.name)):
            if not isinstance(row, Handed):
                raise TypeError(f"A row was rejected: {row}")


if __name__ == "__main__":
    main()
