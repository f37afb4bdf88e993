"""`python -m pipeline.cli`: the same as `gong-ingest`."""

from pipeline.cli import main

main()
