"""Tests of pipeline.metrics without a server."""
