"""Integration tests: a real server of their own."""
