"""Tests of what lies in ops/, by itself."""
