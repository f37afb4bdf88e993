"""Which operation a request asks for, by its method and path (openapi.json)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pipeline.simulator import answers, listings
from pipeline.simulator.answers import Answer, Refused
from pipeline.simulator.oauth import GenerateToken, Tokens
from pipeline.simulator.operations import CreateCall, Operation, Read, Request
from pipeline.simulator.state import Company
from pipeline.simulator.upload import UploadMedia


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        endpoint: The name in faults and in the record, one of `faults.ENDPOINTS`.
        open: Makes the operation, or raises `Refused`.
        denied_status: Status of missing access: 403 for two of the listings, else 401 (openapi.json).
    """

    endpoint: str
    open: Callable[[], Operation]
    denied_status: int = 401


class Routes:
    """The endpoints of one company."""

    def __init__(
        self, company: Company, tokens: Tokens, clock: Callable[[], float], *, processing_s: float
    ) -> None:
        self._company = company
        self._tokens = tokens
        self._clock = clock
        self._processing_s = processing_s

    def find(self, request: Request) -> Route:
        """Return the route of a request; one that only refuses when its path or method does not exist."""
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["v2", "calls"]:
                return Route("create", partial(CreateCall, self._company, request))
            case "POST", ["oauth2", "generate-customer-token"]:
                return Route("token", partial(GenerateToken, self._tokens, request))
            case "PUT", ["v2", "calls", call_id, "media"]:
                return Route("media", partial(UploadMedia, self._company, call_id, request, self._clock))
            case "GET", ["v2", *_]:
                return self._find_read(request)
            case method, ["v2", "calls" | "users" | "workspaces", *rest] if len(rest) <= 2:
                return _refusing(answers.failed(405, f"{method} is not allowed for {request.path}"))
        return _refusing(_no_such_path(request))

    def _find_read(self, request: Request) -> Route:
        company, query = self._company, request.query
        match request.path.strip("/").split("/"):
            case ["v2", "users"]:
                return _reading("users", partial(listings.list_users, company, query), 403)
            case ["v2", "users", user_id]:
                return _reading("user", partial(listings.get_user, company, user_id))
            case ["v2", "workspaces"]:
                return _reading("workspaces", listings.list_workspaces, 403)
            case ["v2", "calls"]:
                return _reading(
                    "calls", lambda: listings.list_calls(company, query, self._processed_until_s())
                )
            case ["v2", "calls", call_id]:
                return _reading(
                    "call", lambda: listings.get_call(company, call_id, self._processed_until_s())
                )
        return _refusing(_no_such_path(request))

    def _processed_until_s(self) -> float:
        return self._clock() - self._processing_s


def _reading(endpoint: str, read: Callable[[], Answer], denied_status: int = 401) -> Route:
    return Route(endpoint, partial(Read, read), denied_status)


def _no_such_path(request: Request) -> Answer:
    return answers.failed(404, f"There is nothing at {request.path}")


def _refusing(answer: Answer) -> Route:
    def refuse() -> Operation:
        raise Refused(answer)

    return Route("other", refuse)
