"""A stand-in for the Gong API: a real HTTP server with its rules, its limits, and faults on demand.

It is written from `API.md`, `add-new-call.txt` and `openapi.json` alone and imports nothing else of the
pipeline, so that it does not share the mistakes of the client it judges. What it was asked and what arrived
is shown at `/_record` (`control`).

What serves (`server.serve`) is imported only by who serves: the help waits for no web server.

Left out: OAuth's own endpoints, scopes, and the silent discarding of short recordings.
"""

from pipeline.simulator.options import SimulatorOptions, SimulatorRefused

__all__ = ["SimulatorOptions", "SimulatorRefused"]
