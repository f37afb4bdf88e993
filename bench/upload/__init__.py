"""Measures uploads beside curl, to the same receiver in the same run: rates, memory, fairness.

What is measured is what a worker does with media: probe it, open it, hash it, send it, look at it again.
curl does not hash. So curl with a hash beside it, in a process of its own, is measured too. All send in
turns, and what counts is the median of their ratios: the machine may be busier at one time than at another.

curl is Debian's: `apt-get install curl`.
"""

from bench.upload.tables import run

__all__ = ["run"]
