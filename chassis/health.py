"""What machines ask of a process: is it alive, can it serve, and how does it do.

A web process answers beside its pages; a worker through `health_server`.
"""

from typing import Any

from flask import Flask, Response, jsonify
from sqlalchemy import select

from chassis.access import public
from chassis.runtime import Runtime

TEXT = "text/plain; version=0.0.4; charset=utf-8"


def add_health(app: Flask, runtime: Runtime, needs_broker: bool = False) -> None:
    """Serve `/healthz`, `/readyz` and `/metrics`.

    `needs_broker`: without the broker the process is not ready. Pages can be answered
    without it, so a web process does not need it.
    """
    name = runtime.service.name

    @public
    def healthz() -> Any:
        dead = runtime.dead_threads()
        if dead:
            return jsonify(status="ailing", service=name, dead_threads=dead), 503
        return jsonify(status="alive", service=name)

    @public
    def readyz() -> Any:
        runtime.database.read(lambda reading: reading.execute(select(1)).scalar_one())
        if needs_broker and not runtime.broker.connected():
            return jsonify(status="not ready", service=name, missing="broker"), 503
        return jsonify(status="ready", service=name)

    @public
    def metrics() -> Response:
        return Response(runtime.metrics.text(runtime.figures), content_type=TEXT)

    for view in (healthz, readyz, metrics):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view)
