"""The Flask factory: one service's declaration becomes a WSGI app.

Order of a request: trace → same-origin → who asks → may he → the view. A route that
declares no guard makes the factory fail.
"""

import hashlib
import time
from http import HTTPMethod
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, g, jsonify, redirect, request
from flask_babel import lazy_gettext as _l
from flask_bootstrap import Bootstrap5
from jinja2 import ChoiceLoader, PackageLoader, StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from chassis import languages, outbox, parking, security, tracing
from chassis.access import public, rule_of
from chassis.errors import answer_errors, wants_json
from chassis.icons import icon
from chassis.identity import Identity, NotTrusted
from chassis.navigation import navigation, service_url
from chassis.refusals import Problem
from chassis.runtime import EXTENSION, Runtime
from chassis.status import add_status, status_link

STATIC_SECONDS = 3600
METHODS = frozenset(HTTPMethod)


def create_app(runtime: Runtime, catalogs: Path | None = None, behind_proxy: bool = False) -> Flask:
    """The app of one service, with its paths relative to the service's own prefix.

    `catalogs` is the folder of translations. `behind_proxy`: trust X-Forwarded-* from
    exactly one proxy (nginx). Raises RuntimeError for a route without a guard.
    """
    service = runtime.service
    app = Flask("chassis", static_folder="static", static_url_path="/static")
    _configure(app, runtime)
    app.extensions[EXTENSION] = runtime
    runtime.app = app
    app.jinja_loader = ChoiceLoader([PackageLoader(service.package), PackageLoader("chassis")])
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.globals["icon"] = icon
    Bootstrap5(app)
    languages.speak(app, catalogs, runtime.settings.timezone)
    _trace_requests(app, runtime)
    security.protect(app, runtime.settings.secure)
    app.before_request(lambda: _check_access(app, runtime))
    answer_errors(app, runtime)
    service.api.document(app)
    for blueprint in service.pages:
        app.register_blueprint(blueprint)
    app.register_blueprint(service.api)
    _add_health(app, runtime)
    add_status(app, runtime)
    _prepare_pages(app, runtime)
    _refuse_unguarded(app)
    if behind_proxy:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1
        )
    return app


def _configure(app: Flask, runtime: Runtime) -> None:
    secret = hashlib.blake2b(runtime.signing_key.secret(), person=b"flash-cookie").digest()
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME=f"popug_{runtime.service.name}_flash",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=runtime.settings.secure,
        MAX_CONTENT_LENGTH=security.MAX_BODY_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_SECONDS,
        BOOTSTRAP_SERVE_LOCAL=True,
        WTF_CSRF_ENABLED=False,  # the same-origin check covers every route, the API too
        CURRENCY=runtime.settings.currency,
    )


def _trace_requests(app: Flask, runtime: Runtime) -> None:
    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        g.trace = tracing.traced(tracing.continued(request.headers.get("traceparent")))
        g.trace.__enter__()

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = tracing.trace_id()
        route = request.url_rule.rule if request.url_rule else "?"
        seconds = time.perf_counter() - g.started
        # Clients may make methods up, and each label value is kept for ever.
        method = request.method if request.method in METHODS else "?"
        runtime.metrics.requests.labels(method, route, response.status_code).inc()
        runtime.metrics.request_seconds.labels(route).observe(seconds)
        runtime.log.debug(
            "request",
            method=request.method,
            path=request.script_root + request.path,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            user_id=g.identity.user_id if g.get("identity") else None,
        )
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        trace = g.pop("trace", None)
        if trace:
            trace.__exit__(None, None, None)


def _check_access(app: Flask, runtime: Runtime) -> Response | None:
    g.identity, g.token = _identify(runtime)
    if request.endpoint is None:
        return None
    rule = rule_of(app.view_functions[request.endpoint])
    if rule is None or rule.permits(g.identity):
        return None
    if g.identity is not None:
        raise Problem(403, _l("Your role does not allow this."))
    if wants_json():
        raise Problem(401, _l("Sign in first."), {"WWW-Authenticate": "Bearer"})
    here = request.script_root + request.full_path.rstrip("?")
    back = here if request.method in security.SAFE_METHODS else service_url("tasks", "/")
    return redirect(f"{service_url('auth', '/login')}?next={quote(back, safe='')}")  # type: ignore[return-value]


def _identify(runtime: Runtime) -> tuple[Identity | None, str | None]:
    """Whose token the request carries; a bearer token is not replaced by a cookie."""
    header = request.headers.get("Authorization", "")
    if header:
        kind, _, token = header.partition(" ")
        token = token.strip() if kind.lower() == "bearer" else ""
    else:
        token = request.cookies.get(cookie_name(runtime.settings.secure), "")
    if not token:
        return None, None
    try:
        who = runtime.access.now(runtime.verifier.verify(token, runtime.clock.now()))
    except NotTrusted:
        return None, None
    return who, token if who else None


def cookie_name(secure: bool) -> str:
    """The session cookie's name; browsers take `__Host-` only over https."""
    return "__Host-popug" if secure else "popug_session"


def _add_health(app: Flask, runtime: Runtime) -> None:
    @public
    def healthz() -> Response:
        return jsonify(status="alive", service=runtime.service.name)

    @public
    def readyz() -> Response:
        runtime.database.read(outbox.depth)
        return jsonify(status="ready", service=runtime.service.name)

    @public
    def metrics() -> Response:
        with runtime.database.reading() as reading:
            runtime.metrics.outbox_depth.set(outbox.depth(reading)[0])
            runtime.metrics.parked_now.set(parking.count(reading))
        return Response(runtime.metrics.text(), mimetype="text/plain; version=0.0.4")

    for view in (healthz, readyz, metrics):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view)


def _prepare_pages(app: Flask, runtime: Runtime) -> None:
    @app.context_processor
    def everywhere() -> dict[str, Any]:
        return {
            "navigation": navigation(runtime, g.get("identity"), status_link(runtime)),
            "identity": g.get("identity"),
            "language": languages.language(),
            "service_url": service_url,
            "service_name": runtime.service.name,
            "trace_id": tracing.trace_id(),
        }


def _refuse_unguarded(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        if not endpoint.endswith("static") and rule_of(view) is None:
            raise RuntimeError(f"{endpoint} does not say who may use it")
