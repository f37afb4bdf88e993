"""The limiter beside the libraries one would use instead: real processes, real time, a simulated API.

Importing it needs none of them; `tables` does.
"""
