"""Guests: strangers to the system that live in one of its processes, each an app with a book.

Whoever asks one goes through WSGI without a socket, as he would over HTTP if it were a
process of its own. A guest is opened when somebody first asks it.
"""

import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from chassis.clock import Clock
from chassis.keys import write_secret
from chassis.settings import Settings

SECRET_BYTES = 32


class Guest(Protocol):
    """One stranger: what it answers with, and what it does by itself between `start` and `stop`."""

    @property
    def app(self) -> Any:
        """Its WSGI app."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


OpenGuest = Callable[[Settings, Clock], Guest]


class Guests:
    """The guests of a process by name. Thread-safe."""

    def __init__(self, openers: Mapping[str, OpenGuest], settings: Settings, clock: Clock) -> None:
        self._openers = openers
        self._settings = settings
        self._clock = clock
        self._here: dict[str, Guest] = {}
        self._lock = threading.Lock()

    def app(self, name: str) -> Any:
        """The WSGI app of a guest. Raises KeyError, and what keeps it from being opened."""
        return self._guest(name).app

    def start(self, names: Iterable[str]) -> None:
        """Have these do what they do by themselves."""
        for name in names:
            self._guest(name).start()

    def stop(self) -> None:
        """Have all finish what is at hand."""
        for guest in list(self._here.values()):
            guest.stop()

    def close(self) -> None:
        """Let go of all of them; one that is asked again is opened anew."""
        with self._lock:
            here, self._here = self._here, {}
        for guest in here.values():
            guest.close()

    def _guest(self, name: str) -> Guest:
        with self._lock:
            if name not in self._here:
                self._here[name] = self._openers[name](self._settings, self._clock)
            return self._here[name]


def guest_secret(settings: Settings, name: str) -> str:
    """What a guest of that name and those who ask it both know; made when it is first wanted.

    It is kept with the keys, or with the data where keys are given and nothing is made.
    """
    path = (settings.keys if settings.embedded else settings.data) / f"{name}.key"
    if not path.exists():
        _make_once(path)
    return path.read_text().strip()


def _make_once(path: Path) -> None:
    """Of several who make it at once one is first, and the others take his."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mine = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    write_secret(mine, secrets.token_hex(SECRET_BYTES).encode())
    try:
        os.link(mine, path)
    except FileExistsError:
        pass
    finally:
        mine.unlink()
