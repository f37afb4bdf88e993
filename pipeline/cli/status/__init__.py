"""`gong-ingest status`: how batches are doing, once or for as long as somebody watches.

command    the options; its help needs nothing of the others       show     what it does
document   what is told a program                                  table    what is told a person
"""

from pipeline.cli.status.command import status

__all__ = ["status"]
