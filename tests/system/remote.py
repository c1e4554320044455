"""A Popug that somebody else has started: the stories are told of it as of any other."""

import shlex
import subprocess

from tests.system.running import ADMIN, Answer

COMMAND_SECONDS = 120


class RemotePopug:
    """A fresh system at `url`; `popug` is how its command is called, words of a shell."""

    def __init__(self, url: str, popug: str) -> None:
        self.url = url.rstrip("/")
        self._popug = shlex.split(popug)

    def start(self) -> None:
        """It is running already, and has to have its first person."""

    def stop(self) -> None:
        """It goes on; who has started it ends it."""

    def command(self, *arguments: str, stdin: str = "") -> Answer:
        """A `popug` command on the same system."""
        said = subprocess.run(
            [*self._popug, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Answer(said.returncode, said.stdout, said.stderr)

    def add_admin(self) -> None:
        """Add the first person, who can add all others, unless he is there already."""
        added = self.command(
            *("users", "add", ADMIN[0], "--name", "Ada", "--role", "admin", "--password-stdin"),
            stdin=ADMIN[1],
        )
        assert added.returncode == 0 or "has this e-mail" in added.stderr, added.stderr
