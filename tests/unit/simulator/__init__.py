"""Unit tests of the simulator: its pure parts."""
