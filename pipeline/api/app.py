"""The application of one process: what answers a request, whichever server brings it."""

from __future__ import annotations

from typing import Any

import flask_smorest
from flask import Flask, Response
from flask_swagger_ui import get_swaggerui_blueprint

from pipeline.api import permission
from pipeline.api import services as served
from pipeline.api.batch import batch
from pipeline.api.calls import calls
from pipeline.api.document import PAGE, PATH, SETTINGS, plugin
from pipeline.api.operation import AnyText
from pipeline.api.problem import handle_problems
from pipeline.api.schemas import Error
from pipeline.api.tokens import Tokens
from pipeline.api.watching import watching
from pipeline.settings import Settings

ID_WORDS: dict[str, Any] = {"type": "string", "minLength": 1}
PAGE_SETTINGS = {
    "app_name": "gong-call-ingest",
    "layout": "BaseLayout",
    # None asks a server of somebody else whether the document is right.
    "validatorUrl": None,
    "persistAuthorization": False,
}
# The page alone runs scripts, and only its own; nothing is got from anywhere else.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)


class _Api(flask_smorest.Api):  # type: ignore[misc] # flask-smorest has no types
    """Documents only what an operation declares, and leaves errors to `problem`."""

    ERROR_SCHEMA = Error
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        pass

    def _register_pagination_header(self) -> None:
        pass

    def _register_etag_headers(self) -> None:
        pass


def make_app(settings: Settings, tokens: Tokens, *, threads: int) -> Flask:
    """Make the application of a process that serves so many requests at once.

    Raises:
        SettingsInvalid: The place of uploads is below no media root.
    """
    app = Flask("pipeline.api", static_folder=None)
    app.config |= SETTINGS
    app.json.sort_keys = False  # type: ignore[attr-defined] # of Flask's own provider
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    # A path is what it says: nobody is sent elsewhere because of its slashes.
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.converters["any_text"] = AnyText
    app.extensions[permission.EXTENSION] = tokens
    app.extensions[served.EXTENSION] = served.Services.of(settings, threads=threads)
    api = _Api(app, spec_kwargs={"marshmallow_plugin": plugin()})
    api.register_converter(AnyText, lambda _: ID_WORDS)
    for each in (calls, batch, watching):
        api.register_blueprint(each)
    app.register_blueprint(get_swaggerui_blueprint(PAGE, PATH, PAGE_SETTINGS))
    handle_problems(app)
    app.after_request(_guarded)
    return app


def _guarded(response: Response) -> Response:
    """Keep answers out of caches and frames."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    is_page = response.mimetype == "text/html"
    response.headers["Content-Security-Policy"] = PAGE_POLICY if is_page else "default-src 'none'"
    return response
