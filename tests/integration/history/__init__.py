"""Tests of pipeline.people on a real server."""
