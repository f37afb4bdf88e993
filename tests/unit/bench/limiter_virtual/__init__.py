"""Tests of the world of the simulation."""
