"""Settings that are read from files: `POPUG_BROKER_URL_FILE=/run/secrets/broker_url`.

A container is given its secrets as files, because its environment is shown to whoever may
inspect it. What a file holds is never repeated in an error.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

SUFFIX = "_FILE"
# A key or a URL has some hundred characters; what is longer is not the file that was meant.
BYTES_MOST = 64 * 1024


class FileRefused(Exception):
    """A file that a setting names cannot be its value; the text says which and why."""


def with_files(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """`environment` in which each `<NAME>_FILE` has become `<NAME>`, with what the file holds.

    White space around the value is left out. `names` are the settings that there are.
    Raises FileRefused with one line per mistake.
    """
    found = dict(environment)
    wrong = []
    for name in names:
        path = found.pop(f"{name}{SUFFIX}", None)
        if path is None:
            continue
        if name in environment:
            wrong.append(f"{name} and {name}{SUFFIX} are both given; leave one out")
            continue
        try:
            found[name] = _text(Path(path))
        except FileRefused as refused:
            wrong.append(f"{name}{SUFFIX}={path!r}: {refused}")
    if wrong:
        raise FileRefused("\n".join(wrong))
    return found


def _text(path: Path) -> str:
    """What a file holds. Raises FileRefused."""
    try:
        with path.open("rb") as file:
            held = file.read(BYTES_MOST + 1)
    except (OSError, ValueError) as unreadable:
        why = unreadable.strerror if isinstance(unreadable, OSError) else "is no path"
        raise FileRefused(f"cannot be read ({why})") from None
    if len(held) > BYTES_MOST:
        raise FileRefused(f"is longer than {BYTES_MOST} bytes")
    try:
        text = held.decode("utf-8").strip()
    except UnicodeDecodeError:  # its text would repeat what the file holds
        raise FileRefused("is not text in UTF-8") from None
    if "\n" in text or "\0" in text:
        raise FileRefused("must hold one line")
    return text
