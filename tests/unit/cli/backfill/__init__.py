"""Tests of `gong-ingest backfill`."""
