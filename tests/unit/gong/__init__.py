"""Unit tests of the client's pure parts."""
