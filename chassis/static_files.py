"""Static files: an address carries a fingerprint of the content, so a browser may keep it.

What is asked for by its fingerprint never changes and is kept for a year; asked for in any
other way it is kept for an hour.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.security import safe_join

HOUR_SECONDS = 3_600
KEPT = "public, max-age=31536000, immutable"
FINGERPRINT_DIGITS = 16


def fingerprint_static_files(app: Flask) -> None:
    """Have `url_for` of a static file add `?v=`, and answers to that address be kept."""

    @app.url_defaults
    def add_fingerprint(endpoint: str, values: dict[str, Any]) -> None:
        print_ = _fingerprint(app, endpoint, values.get("filename"))
        if print_:
            values.setdefault("v", print_)

    @app.after_request
    def keep(response: Response) -> Response:
        if response.status_code in (200, 206, 304) and request.endpoint and "v" in request.args:
            name = (request.view_args or {}).get("filename")
            if request.args["v"] == _fingerprint(app, request.endpoint, name):
                response.headers["Cache-Control"] = KEPT
        return response


def _fingerprint(app: Flask, endpoint: str, name: str | None) -> str | None:
    """The digest of a static file's content; None for what is none or is not there."""
    blueprint, _, view = endpoint.rpartition(".")
    if view != "static" or name is None:
        return None
    owner = app.blueprints.get(blueprint, app)
    path = safe_join(owner.static_folder or "", name)
    if path is None or not Path(path).is_file():
        return None
    return _digest(path, Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _digest(path: str, _changed_at: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:FINGERPRINT_DIGITS]
