"""Bootstrap's icons, drawn into the page: the whole sheet of them weighs a megabyte."""

import re
from functools import cache
from pathlib import Path

import flask_bootstrap
from markupsafe import Markup

_SHEET = Path(flask_bootstrap.__file__).parent / "static/bootstrap5/icons/bootstrap-icons.svg"
_SYMBOL = re.compile(r'<symbol\b[^>]*\bid="([a-z0-9-]+)"[^>]*>(.*?)</symbol>', re.DOTALL)


@cache
def _sheet() -> dict[str, str]:
    return dict(_SYMBOL.findall(_SHEET.read_text(encoding="utf-8")))


@cache
def icon(name: str) -> Markup:
    """The icon of this name as SVG that takes the text's size and colour.

    It is hidden from screen readers, so it stands beside words. Raises KeyError for a
    name that Bootstrap Icons does not have.
    """
    return Markup(  # noqa: S704 - the drawing comes from the installed package
        '<svg class="bi" viewBox="0 0 16 16" width="1em" height="1em" fill="currentColor"'
        f' aria-hidden="true" focusable="false">{_sheet()[name]}</svg>'
    )
