"""The steps of a chain: validate, create_call, upload_media. A job and its services in, what comes next out.

Invariants: a step shows its lease token before it starts, again before its request leaves, and with every
write. A request leaves only with a slot from the limiter, at its instant. What an answer does stands in
`outcome`; here it is carried out on the job (`ledger`) and on the fleet (`limiter`).
How a step comes to run, and how the next one does, is left to `workers`.
"""

from pipeline.steps.run import run_step
from pipeline.steps.services import Services
from pipeline.steps.settle import Again, GoOn, Next, Stop

__all__ = ["Again", "GoOn", "Next", "Services", "Stop", "run_step"]
