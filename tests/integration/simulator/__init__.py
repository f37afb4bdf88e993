"""Tests of the simulator over HTTP, with clients of the standard library."""
