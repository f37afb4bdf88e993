"""What Prometheus is told: the fleet's numbers, as the ledger has them.

catalogue  every metric, with its unit and meaning    census     what is counted for them alone
samples    from what was seen to the numbers; pure    collector  looks when it is scraped
serve      an address for fleets without Flower

Invariants: the truth is in the ledger, so every place that is scraped tells the same of the whole fleet, and
a restart loses nothing. A scrape costs the same with ten jobs as with a million. No label holds a name that a
customer gave: /metrics is open to everybody who reaches it.
"""

from pipeline.metrics.catalogue import METRICS, Kind, Metric
from pipeline.metrics.collector import LedgerCollector, register
from pipeline.metrics.serve import serving

__all__ = ["METRICS", "Kind", "LedgerCollector", "Metric", "register", "serving"]
