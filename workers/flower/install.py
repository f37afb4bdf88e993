"""Adds the pages to Flower before it starts.

Flower has no interface for that: its handlers and settings are lists and dictionaries of a module, and its
navigation is a template. So this is tied to the versions that the tests cover, and refuses others.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import flower
import flower.urls
from prometheus_client import REGISTRY
from tornado.options import options
from tornado.web import StaticFileHandler, url

from pipeline.errors import IngestError
from pipeline.logs import set_up_service
from pipeline.settings import Settings
from workers.flower.act import Act
from workers.flower.batch import BatchPage
from workers.flower.batches import BatchesPage
from workers.flower.budget import BudgetPage
from workers.flower.call import CallPage, FindCall
from workers.flower.download import RejectedDownload, ReportDownload
from workers.flower.here import answer_to_own_names_only, is_loopback
from workers.flower.loader import PagesLoader
from workers.flower.metrics import Metrics
from workers.flower.page import STATIC, WINDOW
from workers.flower.window import Window

VERSIONS = ("2.2.",)
HERE = Path(__file__).parent
METRICS = "workers.metrics"


def install() -> None:
    """Add handlers, templates, metrics and log lines.

    Raises:
        SystemExit: Flower is of a version that nobody tried, or would let in everybody from everywhere.
    """
    for problem in (problem_of_version(flower.__version__), problem_of_openness(options)):
        if problem:
            raise SystemExit(problem)
    try:
        settings = Settings.from_env()
        window = Window(settings)
    except IngestError as error:
        raise SystemExit(str(error)) from error
    set_up_service(settings)
    flower.urls.settings[WINDOW] = window
    flower.urls.settings["template_loader"] = PagesLoader(flower.urls.settings["template_path"])
    # Before Flower's own, the last of which takes every address.
    flower.urls.handlers[:0] = handlers()
    if not has_login(options):
        answer_to_own_names_only()
    _register_metrics()


def handlers() -> list[Any]:
    """List the pages. Names of batches stand behind the question mark: they may hold slashes, or be `..`."""
    return [
        url(r"/batches", BatchesPage, name="batches"),
        url(r"/batch", BatchPage, name="batch"),
        url(r"/batch/act", Act, name="batch-act"),
        url(r"/batch/report", ReportDownload, name="batch-report"),
        url(r"/batch/rejected", RejectedDownload, name="batch-rejected"),
        url(r"/call", FindCall, name="find-call"),
        url(r"/call/([0-9a-f]{24})", CallPage, name="call"),
        url(r"/budget", BudgetPage, name="budget"),
        url(r"/metrics", Metrics),
        url(r"/gong-ingest/static/(.*)", StaticFileHandler, {"path": str(HERE / "static")}, name=STATIC),
    ]


def problem_of_version(version: str) -> str | None:
    """Say why these pages cannot be added to this version of Flower; None if they can."""
    if version.startswith(VERSIONS):
        return None
    tried = ", ".join(f"{start}x" for start in VERSIONS)
    return f"Flower {version} is installed; the pages were tried with {tried} only. Install that one."


def problem_of_openness(chosen: Any) -> str | None:
    """Say why Flower must not listen as these options of it say; None if it may."""
    if has_login(chosen):
        return None
    if chosen.unix_socket or not is_loopback(chosen.address):
        return (
            "Flower would let in everybody who reaches it, without a password. Set FLOWER_BASIC_AUTH or "
            "FLOWER_AUTH, or let it listen on 127.0.0.1 only."
        )
    return None


def has_login(chosen: Any) -> bool:
    """Tell whether these options of Flower let nobody in without a login."""
    return bool(chosen.basic_auth or chosen.auth)


def _register_metrics() -> None:
    """Let the pipeline's own figures stand on Flower's `/metrics`."""
    if find_spec(METRICS):
        register: Callable[[Any], None] = import_module(METRICS).register
        register(REGISTRY)
