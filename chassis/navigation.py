"""One navigation over all services, and addresses from one service into another."""

from typing import Any

from flask import request

from chassis.identity import Identity
from chassis.runtime import Runtime
from chassis.service import Link


def service_url(service: str, path: str = "/") -> str:
    """The address of a page of any service, as the browser sees it."""
    return f"/{service}{path}"


def navigation(runtime: Runtime, who: Identity | None, *more: Link) -> list[dict[str, Any]]:
    """The entries that this person may use, each with whether it is the page shown.

    `more` are entries of no service, with their whole address.
    """
    if who is None:
        return []
    here = request.script_root + request.path if request else ""
    if any(_is_or_belongs(link, request.path) for link in more if request):
        here = request.path  # such a page is served by a service, but not below its path
    links = [
        (group, service_url(service.name, link.path), link)
        for group, service in enumerate(runtime.system)
        for link in service.links
    ]
    links += [(len(runtime.system), link.path, link) for link in more]
    return [
        {
            "title": link.title,
            "url": url,
            "icon": link.icon,
            "active": _leads_to(url, here) or _belongs(url, link, here),
            "group": group,
        }
        for group, url, link in links
        if link.roles is None or who.role in link.roles
    ]


def _is_or_belongs(link: Link, path: str) -> bool:
    return path == link.path or _belongs(link.path, link, path)


def _leads_to(url: str, here: str) -> bool:
    """Whether `here` is the page or one below it; a service's first page stands for itself."""
    return here == url or (not url.endswith("/") and here.startswith(f"{url}/"))


def _belongs(url: str, link: Link, here: str) -> bool:
    """Whether `here` is below one of the other places of the entry's service."""
    service = url.removesuffix(link.path)
    return any(f"{here}/".startswith(f"{service}{place}/") for place in link.also)
