"""Tests of media: sources, kinds, the stream."""
