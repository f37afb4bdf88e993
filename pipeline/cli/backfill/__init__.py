"""`gong-ingest backfill`: the recordings of a manifest end up in Gong.

The help needs `command` alone, and is there at once.

    command    the options                              run       one run of it
    tally      what became of the rows                  done      rows whose recording is in
    rejected   what is told of the rejected rows        media     the look at a row's media
    kept       a pipe, kept to be read twice
"""

from pipeline.cli.backfill.command import backfill

__all__ = ["backfill"]
