"""Log lines: for people or for programs, with what they are about as fields, and without a secret.

    about.py   what this thread works on: job, batch, step, attempt
    lines.py   a record as a line, in text or in JSON
    secrets.py what is never written
    setup.py   where lines go, and which are written

Fields are a contract (docs/logs.md). Only the standard library is used.
"""

from pipeline.logs.about import about, with_about
from pipeline.logs.setup import set_up_command, set_up_service

__all__ = ["about", "set_up_command", "set_up_service", "with_about"]
