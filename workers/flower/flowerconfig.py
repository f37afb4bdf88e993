"""What Flower reads as its configuration (`--conf`): its names are Flower's options."""

from __future__ import annotations

import os

from workers.flower.install import install
from workers.flower.tasks import COLUMNS, shown_task

if "FLOWER_TASKS_COLUMNS" not in os.environ:
    tasks_columns = COLUMNS
# Flower takes it only as a function of the configuration itself.
format_task = shown_task

install()
