"""What happened: requests minute by minute, closings of the gate, the throughput of batches, and counters.

counted    names and numbers that are counted as it happens      history    what was counted, as it is read

Invariants: everything has a bound, however long the ledger lives, and is written in round trips that happen
anyway. These are numbers to look at; nothing is decided by them.
"""

from pipeline.history.counted import Answered, Endpoint
from pipeline.history.history import Closing, History, Minute, Part, Past, Throughput, minutes_of

__all__ = [
    "Answered",
    "Closing",
    "Endpoint",
    "History",
    "Minute",
    "Part",
    "Past",
    "Throughput",
    "minutes_of",
]
