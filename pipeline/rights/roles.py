"""Who asks the ledger's server for what: the scripts of each role, and what else it sends.

Invariants: every script belongs to a role. A role that only looks runs no script that writes. A user may send
each command of its scripts on each of their keys by itself, so whoever hands in may only read a key, or only
write it, where the scripts need no more. What Celery and kombu send was watched on a server; tests let each
role do its whole work with these rights and no others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

from pipeline.rights.scripts import Rights, rights_of_counting, rights_of_script

# The namespace itself is what every script is given as its key. INFO is for what a server is checked for; who
# runs several scripts at one moment sends them as one transaction. redis-py does without CLIENT SETINFO, that
# Redis 7.0 does not know: it takes no file of users that names it.
_CONNECTION = Rights(
    frozenset({"ping", "select", "info", "evalsha", "script|load", "multi", "exec", "discard"}),
    frozenset({""}),
)

_HANDS_IN = (
    *(
        "submit",
        "open_manifest",
        "close_manifest",
        "reject",
        "corrected",
        "states",
        "manifests",
        "counts",
        "batches",
    ),
)
# When a batch will be done: what the forecast is made from.
_FORECAST = ("counts", "limits", "gate", "day", "members", "waits", "clock", "budget")
_LOOKS = (
    *_FORECAST,
    *("batches", "under_way", "find", "find_call", "story", "states", "manifests", "read_rows"),
    *("dead_letters", "dead_reasons", "closings", "traffic", "throughput", "census", "deliveries", "backlog"),
    *("read_people", "queues"),
)
_WORKS = (
    *("claim", "publish", "begin_step", "record_step", "renew", "note_refusal", "postpone", "bury"),
    *("fill_in", "join_fleet"),
    *("tokens", "begin_refresh", "note_refresh", "store_tokens", "end_refresh"),
    *("acquire", "clock", "close", "note_failure", "note_late", "note_success", "probe_now"),
    *("read_people", "take_page", "add_page", "leave_page"),
    # what one worker at a time does for all: the intake, and the webhook
    *("look_at_intake", "take_from_intake", "want_events", "next_events", "note_delivery", "leave_duty"),
    *("find", "submit", "census", "batches"),
)
_DECIDES_OF_BATCH = ("pause", "resume", "cancel", "retry")
_DECIDES = (
    *_DECIDES_OF_BATCH,
    *("cancel_job", "set_limits", "open", "close", "probe_now", "tokens", "store_tokens"),
    *("forget_batch", "forget_rows", "forget_strays"),
)

# What kombu sends for a worker: queues, what is unacknowledged, and words from and to Flower.
_BROKER = Rights(
    frozenset(
        {
            *("brpop", "lpush", "rpush", "rpop", "llen", "hset", "hget", "hdel", "hlen", "watch", "unwatch"),
            *("zadd", "zrem", "zrange", "zrangebyscore", "zrevrangebyscore", "sadd", "srem", "smembers"),
            *("get", "set", "del", "exists", "expire", "pexpire", "time", "evalsha", "script|exists"),
            *("publish", "subscribe", "psubscribe", "unsubscribe", "punsubscribe"),
        }
    ),
    frozenset({"celery:*"}),
    # Who subscribes to a pattern must be allowed exactly that, and who publishes what fits one.
    frozenset({"celery:/0.celery.pidbox", "celery:/0.celeryev/*"}),
)


# The broker's queues, which those who are not the broker's may count; and the format of the ledger.
_READ_ONLY = frozenset({"celery:calls", "celery:media", "celery:celery", "format"})
# The limiter's state, the fleet, and whether anybody wants events: decided by workers and operators alone.
_DECIDED_BY_OTHERS = frozenset(
    {"gate", "limits", "limiter", "grants", "live_grants", "workers", "events:kept"}
)
# Where those who hand in put something, or take it out by its name. HLEN and EXISTS read nothing of it.
_PUT_INTO = frozenset({"rejected:*", "cancelled:*", "reasons:*", "events", "wake"})


@dataclass(frozen=True, slots=True)
class Role:
    """One user: what it is for, the scripts that it runs, and what else it asks for.

    Attributes:
        write_only: Keys among those of its scripts that these write, and never read.
        read_only: Those that they read, and never write.
    """

    name: str
    purpose: str
    scripts: tuple[str, ...] = ()
    beside: Rights = field(default_factory=Rights)
    write_only: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()

    def only(self, key: str) -> str:
        """Say what alone it may do with a key: `W`rite it, or `R`ead it; '' if both."""
        return "W" if key in self.write_only else "R" if key in self.read_only | _READ_ONLY else ""

    def pattern(self, key: str, namespace: str) -> str:
        """Write a pattern of keys as `ACL SETUSER` takes it."""
        only = self.only(key)
        return f"{f'%{only}' if only else ''}~{namespace}:{key}"

    @property
    def rights(self) -> Rights:
        """Everything that it needs, and nothing else."""
        return reduce(Rights.__or__, map(rights_of_script, self.scripts), _CONNECTION | self.beside)


ROLES = (
    Role(
        "producer",
        "Hands recordings in, and reads none: enqueue, backfill --no-wait.",
        (*_HANDS_IN, *_FORECAST),
        write_only=_PUT_INTO | {"payload:*"},
        read_only=_DECIDED_BY_OTHERS,
    ),
    Role(
        "client",
        "Hands in, and asks for or cancels what it knows the clientUniqueId of: the Python client.",
        (*_HANDS_IN, *_FORECAST, "find", "cancel_job"),
        write_only=_PUT_INTO,
        read_only=_DECIDED_BY_OTHERS,
    ),
    Role(
        "api",
        "Hands in for others, and answers what they ask: api.",
        (*_HANDS_IN, *_LOOKS, "cancel_job", "retry"),
        read_only=_DECIDED_BY_OTHERS,
    ),
    Role("viewer", "Looks, and changes nothing: status, report, dead.", _LOOKS),
    Role(
        "worker",
        "Works: worker.",
        _WORKS + _FORECAST,
        _BROKER
        | rights_of_counting()
        | Rights(
            frozenset({"blpop", "blmove", "xread"}), frozenset({"wake", "events"}), frozenset({"notices"})
        ),
    ),
    Role(
        "flower",
        "Watches workers and batches, and does what its pages offer: flower.",
        (*_LOOKS, *_DECIDES_OF_BATCH),
        _BROKER,
        read_only=_DECIDED_BY_OTHERS,
    ),
    Role(
        "operator",
        "Decides: pause, resume, cancel, retry, requeue, forget, gate, limits; and hands in and looks.",
        (*_HANDS_IN, *_LOOKS, *_DECIDES),
    ),
)
