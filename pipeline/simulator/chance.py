"""Where every draw of the simulator comes from: sequences that repeat with the seed."""

from __future__ import annotations

import random


def sequence(seed: int, purpose: str) -> random.Random:
    """Make the sequence of one purpose, independent of those of all others."""
    return random.Random(f"{seed} {purpose}")  # noqa: S311 - a simulation has to repeat; nothing here is secret
