"""Tests with Prometheus itself, from the system's packages."""
