"""Batches in numbers, to test with."""

from __future__ import annotations

from typing import Any

from pipeline.job import Counts


def make_counts(**overrides: Any) -> Counts:
    return Counts(**({"batch": "calls"} | overrides))
