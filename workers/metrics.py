"""The pipeline's metrics, where Flower's pages look for what to put on `/metrics`."""

from pipeline.metrics import register

__all__ = ["register"]
