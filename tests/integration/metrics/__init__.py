"""Tests of pipeline.metrics on a real server."""
