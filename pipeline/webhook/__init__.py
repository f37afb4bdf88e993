"""The webhook: one address that is told every event, in order, at least once.

Invariants: one worker of the fleet delivers at a time. An event that was not taken is tried again, and those
behind it wait: in the stream, which has a bound, so a receiver that is away costs no memory and slows
nothing. What the stream had to drop meanwhile, and what was given up because the receiver refused it again
and again, is counted and told. Nothing is sent anywhere but to the address in the settings.

    signature    what a receiver knows a delivery by (Standard Webhooks)
    receiver     one delivery through HTTP
    deliveries   how far they are, in the ledger
    deliverer    one turn of them
"""

from pipeline.webhook.deliverer import Deliverer
from pipeline.webhook.deliveries import DUTY_S, Deliveries, Due
from pipeline.webhook.receiver import Receiver, Told, Verdict
from pipeline.webhook.signature import signed_headers

__all__ = [
    "DUTY_S",
    "Deliverer",
    "Deliveries",
    "Due",
    "Receiver",
    "Told",
    "Verdict",
    "signed_headers",
]
