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

from flask import Flask, Request, Response, g, redirect, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_babel import lazy_gettext as _l
from flask_bootstrap import Bootstrap5
from jinja2 import ChoiceLoader, PackageLoader, StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from chassis import languages, security, tracing
from chassis.access import rule_of
from chassis.database import DatabaseAway
from chassis.errors import answer_errors, wants_json
from chassis.event_facts import add_event_facts
from chassis.health import add_health
from chassis.icons import icon
from chassis.identity import Identity, NotTrusted
from chassis.navigation import navigation, service_url
from chassis.parked_api import add_parked_api
from chassis.parked_pages import add_parked_pages, visible
from chassis.refusals import Problem
from chassis.remembering import remember_parts
from chassis.runtime import EXTENSION, Runtime
from chassis.settings import Settings
from chassis.static_files import HOUR_SECONDS, fingerprint_static_files
from chassis.status import PAGE, add_status, status_link

# How long a page waits that is shown without its database as well.
RIGHTS_SECONDS = 0.4
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
    app.jinja_env.filters["visible"] = visible
    Bootstrap5(app)
    fingerprint_static_files(app)
    languages.speak(app, catalogs, runtime.settings.timezone)
    remember_parts(app)
    _trace_requests(app, runtime)
    security.protect(app, runtime.settings.secure)
    app.before_request(lambda: _check_access(app, runtime))
    answer_errors(app, runtime)
    service.api.document(app)
    for blueprint in service.pages:
        app.register_blueprint(blueprint)
    app.register_blueprint(service.api)
    add_health(app, runtime)
    add_status(app, runtime)
    add_event_facts(app, runtime)
    add_parked_pages(app, runtime)
    add_parked_api(app, runtime)
    _prepare_pages(app, runtime)
    _refuse_unguarded(app)
    if behind_proxy:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1
        )
    return app


class _FlashSessions(SecureCookieSessionInterface):
    """Flask's sessions, which hold only what is to be said after a redirect.

    Most requests bring none, and need no key to be derived for opening it.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


def _configure(app: Flask, runtime: Runtime) -> None:
    app.session_interface = _FlashSessions()
    secret = hashlib.blake2b(runtime.signing_key.secret(), person=b"flash-cookie").digest()
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME=f"popug_{runtime.service.name}_flash{runtime.settings.port_suffix}",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=runtime.settings.secure,
        MAX_CONTENT_LENGTH=security.MAX_BODY_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=HOUR_SECONDS,
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
        # nginx tells of every request. Here a change leaves a line, by which its trace
        # begins, and looking leaves one only for who wants to know all.
        tell = runtime.log.debug if request.method in security.SAFE_METHODS else runtime.log.info
        tell(
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
    rule = rule_of(app.view_functions[request.endpoint]) if request.endpoint else None
    g.identity, g.token = _identify(runtime, bool(rule and rule.without_database))
    if rule is None or rule.permits(g.identity):
        return None
    if g.identity is not None:
        raise Problem(403, _l("Your role does not allow this."))
    if wants_json():
        raise Problem(401, _l("Sign in first."), {"WWW-Authenticate": "Bearer"})
    # The system's pages are served by a service, but not below its path.
    of_the_system = f"{request.path}/".startswith(f"{PAGE}/")
    here = ("" if of_the_system else request.script_root) + request.full_path.rstrip("?")
    back = here if request.method in security.SAFE_METHODS else service_url("tasks", "/")
    return redirect(f"{service_url('auth', '/login')}?next={quote(back, safe='')}")  # type: ignore[return-value]


def _identify(runtime: Runtime, without_database: bool) -> tuple[Identity | None, str | None]:
    """Whose token the request carries; a bearer token is not replaced by a cookie."""
    header = request.headers.get("Authorization", "")
    if header:
        kind, _, token = header.partition(" ")
        token = token.strip() if kind.lower() == "bearer" else ""
    else:
        token = request.cookies.get(cookie_name(runtime.settings), "")
    if not token:
        return None, None
    try:
        said = runtime.verifier.verify(token, runtime.clock.now())
    except NotTrusted:
        return None, None
    who = _rights_now(runtime, said) if without_database else runtime.access.now(said)
    return who, token if who else None


def _rights_now(runtime: Runtime, said: Identity) -> Identity | None:
    """Somebody's rights; if the database does not tell them at once, as far as remembered."""
    found = runtime.asker.together({"who": lambda: runtime.access.now(said)}, RIGHTS_SECONDS)["who"]
    if isinstance(found, DatabaseAway | TimeoutError):
        return runtime.access.remembered(said)
    if isinstance(found, Exception):
        raise found
    return found


def cookie_name(settings: Settings) -> str:
    """The session cookie's name; browsers take `__Host-` only over https.

    Cookies ignore ports, so the name holds the port: two systems on one host would sign
    each other out.
    """
    return ("__Host-popug" if settings.secure else "popug_session") + settings.port_suffix


def _prepare_pages(app: Flask, runtime: Runtime) -> None:
    @app.context_processor
    def everywhere() -> dict[str, Any]:
        who = g.get("identity")
        menu = navigation(runtime, who, status_link(runtime))
        here = tuple(entry["active"] for entry in menu)
        return {
            "navigation": menu,
            "identity": who,
            # All that the frame around a page depends on, beside the language.
            "frame_of": (who.name, who.role, here) if who else None,
            "language": languages.language(),
            "mounted_at": request.script_root if request else "",
            "service_url": service_url,
            "service_name": runtime.service.name,
            "trace_id": tracing.trace_id(),
        }


def _refuse_unguarded(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        if not endpoint.endswith("static") and rule_of(view) is None:
            raise RuntimeError(f"{endpoint} does not say who may use it")
