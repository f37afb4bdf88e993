"""Collects what an audit looks at, from a ledger's server and from the record of a simulator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pipeline.ledger import Ledger
from tests.chaos.audit import Evidence
from tests.chaos.recordings import Recording


def evidence_of(
    recordings: Iterable[Recording],
    record: Mapping[str, Any],
    client: Any,
    ledger: Ledger,
    *,
    namespace: str,
    **known: Any,
) -> Evidence:
    """Collect everything that happened: what `/_record` tells, and what lies in the server.

    `known` are those attributes of `Evidence` that nobody can be asked for.
    """
    started_s = datetime.fromisoformat(record["started_at"]).timestamp()
    return Evidence(
        recordings={each.client_unique_id: each.sha256 for each in recordings},
        calls=record["calls"],
        # those for OAuth tokens go to another host, which the limits do not know
        arrivals_s=[started_s + row[0] for row in record["requests"] if not row[2].startswith("/oauth2/")],
        users_asked=sum(row[2] == "/v2/users" for row in record["requests"]),
        jobs=jobs_of(client, namespace),
        counts=ledger.batches(),
        grants_s=[int(text) / 1e6 for text in client.lrange(f"{namespace}:grants", 0, -1)],
        namespace=namespace,
        events=events_of(client, namespace),
        # one that is gone since it was listed was there for a moment
        keys={
            key: kind for key in list(client.scan_iter(count=1000)) if (kind := client.type(key)) != "none"
        },
        **known,
    )


def events_of(client: Any, namespace: str) -> list[tuple[str, str]] | None:
    """Read the type and the job of each event; None while nobody wants any."""
    if not client.exists(f"{namespace}:events:kept"):
        return None
    return [(fields["type"], fields.get("job_id", "")) for _, fields in client.xrange(f"{namespace}:events")]


def jobs_of(client: Any, namespace: str) -> dict[str, dict[str, str]]:
    """Read the records of all jobs that a server has, by id."""
    prefix = f"{namespace}:job:"
    keys = client.scan_iter(match=f"{prefix}*", count=1000)
    return {key.removeprefix(prefix): client.hgetall(key) for key in keys}
