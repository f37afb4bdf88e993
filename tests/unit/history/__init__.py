"""Tests of pipeline.people without a server."""
