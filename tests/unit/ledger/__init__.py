"""Tests of how the work travels."""
