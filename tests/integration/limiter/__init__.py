"""The limiter's scripts in a time of the tests' own: pacing, the day's budget, the margin and the gate."""
