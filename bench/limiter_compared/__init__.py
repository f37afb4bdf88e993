"""The limiter beside the libraries one would use instead: real processes, real time, a simulated API."""

from bench.limiter_compared.tables import run

__all__ = ["run"]
