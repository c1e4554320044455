"""What keeps a browser safe: same-origin writes, response headers, harmless redirects."""

from urllib.parse import urlsplit

from flask import Flask, Request, Response, request
from flask_babel import lazy_gettext as _l

from chassis.refusals import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 262_144

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
# A chart is an image of its own that carries its style inside.
IMAGE_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def protect(app: Flask, secure: bool) -> None:
    """Check every request and set the headers of every answer."""
    app.before_request(_refuse_cross_site)
    app.before_request(_refuse_control_characters)
    app.after_request(lambda response: set_headers(response, secure))


def _refuse_cross_site() -> None:
    """A browser may change things only from our own pages.

    It says where a request comes from in `Sec-Fetch-Site`, an older one in `Origin`. A
    request with neither is no browser's and passes.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    same = site == "same-origin" if site else origin is None or _is_own(origin, request)
    if not same:
        raise Problem(403, _l("This request came from another site and was not carried out."))


def _is_own(origin: str, asked: Request) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc) == (asked.scheme, asked.host)


def _refuse_control_characters() -> None:
    """No id, name or query holds a NUL, which databases treat in different ways."""
    if "\x00" in request.path or "%00" in request.query_string.decode("latin-1"):
        raise Problem(400, _l("The address holds a character that it must not hold."))


def set_headers(response: Response, secure: bool) -> Response:
    """Give an answer the headers that keep a browser safe; `secure`: it came over https."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    headers.setdefault("Cache-Control", "no-store")
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def safe_next(target: str | None, default: str) -> str:
    """`target` if it is a path on this site, else `default`.

    Browsers read `//host`, `/\\host` and paths with control characters as other sites.
    """
    if (
        not target
        or not target.startswith("/")
        or target.startswith("//")
        or "\\" in target
        or any(ord(c) < 33 or ord(c) == 127 for c in target)
    ):
        return default
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else default
