"""What this thread works on, for every line that it logs, whoever logs it."""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import ParamSpec, TypeVar

# In the order in which they are written. A record may have its own by `extra=`.
FIELDS = ("job", "batch", "step", "attempt", "request_id")

_about: contextvars.ContextVar[Mapping[str, object]] = contextvars.ContextVar(
    "about", default=MappingProxyType({})
)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Say what is worked on until the block ends, beside what was said before."""
    token = _about.set({**_about.get(), **fields})
    try:
        yield
    finally:
        _about.reset(token)


def with_about(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function that another thread will run log what it is about as this one does now."""
    context = contextvars.copy_context()

    @functools.wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return context.run(function, *args, **kwargs)

    return run


def fields_now() -> Mapping[str, object]:
    """Give what this thread works on."""
    return _about.get()
