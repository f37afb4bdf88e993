"""Tests of the maps, a module for each of theirs."""
