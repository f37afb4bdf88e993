"""What is to be seen without any recording: batches, limits, and whether the server itself is well."""

from __future__ import annotations

from typing import Any

from pipeline.api.operation import blueprint, operation
from pipeline.api.problem import Refused
from pipeline.api.schemas import Batch, Batches, Health, Limits
from pipeline.api.services import services
from pipeline.api.tokens import Scope
from pipeline.documents import batch_document, iso, limits_document
from pipeline.errors import LedgerUnreachable

watching = blueprint("watching", "Batches, limits, and the server itself.")


@operation(watching, "GET /batches", scope=Scope.READ, answers={200: Batches})
def list_batches() -> dict[str, Any]:
    """List the batches"""  # noqa: D415
    overview = services().observer.look(reasons=True)
    batches = [batch_document(each, overview) for each in overview.batches]
    return {"at": iso(overview.day.now), "batches": batches}


@operation(watching, "GET /batches/<any_text:name>", scope=Scope.READ, answers={200: Batch}, refusals=(404,))
def look_at_batch(name: str) -> dict[str, Any]:
    """Tell how a batch is doing"""  # noqa: D415
    overview = services().observer.look(reasons=True)
    for counts in overview.batches:
        if counts.batch == name:
            return batch_document(counts, overview)
    raise Refused(404, "batch_unknown", f"The ledger has no batch {name!r}.")


@operation(watching, "GET /limits", scope=Scope.READ, answers={200: Limits})
def look_at_limits() -> dict[str, Any]:
    """Tell the limits in force"""  # noqa: D415
    overview = services().observer.look()
    return limits_document(overview.limits, overview.day.used)


@operation(watching, "GET /healthz", scope=None, answers={200: Health})
def live() -> dict[str, str]:
    """Tell that the process lives"""  # noqa: D415
    return {"status": "ok"}


@operation(watching, "GET /readyz", scope=None, answers={200: Health})
def ready() -> dict[str, str]:
    """Tell whether recordings can be handed in

    That is, whether the ledger's server answers and takes writes.
    """  # noqa: D415
    store = services().store
    if why_not := store.why_not_writable():
        raise LedgerUnreachable(why_not)
    return {"status": "ok"}
