"""Flower with pages of this project: batches, a batch, a call and the budget, in its look, behind its login.

Nothing of Flower is changed on disk: `flowerconfig.py`, which Flower runs as its configuration, adds
handlers, templates and the form in which tasks are shown.

Invariants: pages read counters and the first of ordered sets, so they cost the same with a thousand jobs as
with a million. The ledger is never asked on the web server's own thread: one that is gone freezes nothing.
What came from a customer is text wherever it is shown.
"""
