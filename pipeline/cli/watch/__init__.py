"""The live view of batches, for `backfill` and `status --watch`: a screen painted anew, or plain lines.

`scene` is what is shown, `screen` how it looks on a terminal, `lines` how it reads on a pipe, `view` where it
goes, and `watch` when. Foreign text goes through `sentences.printable`.
"""

from pipeline.cli.watch.watch import Start, watch_backfill, watch_status

__all__ = ["Start", "watch_backfill", "watch_status"]
