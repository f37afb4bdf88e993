"""`gong-ingest flower`: batches, budget, tasks and workers in a browser."""

from pipeline.cli.flower.command import flower

__all__ = ["flower"]
