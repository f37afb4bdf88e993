"""`gong-ingest status`: how batches are doing, once or for as long as somebody watches.

command    the options; its help needs nothing of the others       show     what it does
table      what is told a person; what is told a program stands in pipeline/documents.py
"""

from pipeline.cli.status.command import status

__all__ = ["status"]
