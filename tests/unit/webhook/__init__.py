"""Tests of what signs a delivery."""
