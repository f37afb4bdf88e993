"""The limiter in virtual time: its own scripts on a real server; only the network and the API are simulated.

The clock of the scripts is an argument, so a week passes in as long as its requests take to be granted.
"""

from bench.limiter_virtual.regimes import run

__all__ = ["run"]
