"""Tests of how the work travels, with a real broker."""
