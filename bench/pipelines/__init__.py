"""The pipeline beside what one would use instead (`bench/contenders`), in the same place, by turns.

place        recordings, a server, a simulator: what every run starts with anew
contenders   who runs, seen from outside: its workers, its program, when it is done
run          one run, and what it used
commands     what the server is sent
simulated    workers that run the scripts alone
the others   a section of the report each
"""

from bench.pipelines.fleet import fleet
from bench.pipelines.latency import latency
from bench.pipelines.limits import limits
from bench.pipelines.startup import startup
from bench.pipelines.throughput import throughput
from bench.pipelines.waiting import waiting

__all__ = ["fleet", "latency", "limits", "startup", "throughput", "waiting"]
