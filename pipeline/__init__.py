"""What it means to bring a recording into Gong; knows nothing of how the work travels.

Other systems hand recordings in by `Pipeline` (docs/enqueue.md), which is imported when it is asked for: no
command and no worker waits for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.client import Pipeline

__all__ = ["Pipeline", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name != "Pipeline":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("pipeline.client").Pipeline
