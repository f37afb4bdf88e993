"""Prints the file of users: `python -m pipeline.rights [NAMESPACE]`."""

import sys

from pipeline.rights import file_of

sys.stdout.write(file_of(*sys.argv[1:] or ["gong-ingest"]))
