"""Benchmarks of the limiter: in a time of its own, beside the libraries one would use instead, and its speed.

`make bench` runs all of them and writes `bench/RESULTS.md`. Nothing in `pipeline` or `workers` knows of them.
"""
