"""Auth on a workbench, with verbs that its tests share."""

from typing import Any

from werkzeug.test import Client, TestResponse

from auth import commands, passwords
from auth.domain import User
from chassis.runtime import Runtime
from chassis.web import cookie_name
from contracts.auth import AccessChanged
from tests.support import Workbench

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


class Office:
    """People come, sign in, and are asked for over HTTP."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    @property
    def runtime(self) -> Runtime:
        return self.bench.runtime("auth")

    def do(self, command: Any, *args: Any, **kwargs: Any) -> Any:
        """A command in a transaction of its own."""
        return self.runtime.database.run(command, *args, **kwargs)

    def add(self, name: str, role: str = "worker", **more: Any) -> User:
        """`Ann` gets the address ann@popug.test and the one password."""
        user: User = self.do(
            commands.create_user,
            **{
                "email": f"{name.lower()}@popug.test",
                "name": name,
                "role": role,
                "password_hash": passwords.hash_password(PASSWORD),
                **more,
            },
        )
        return user

    def attempt(
        self,
        email: str,
        password: str = PASSWORD,
        address: str = "10.0.0.1",
        client: Client | None = None,
        user_agent: str = FIREFOX,
    ) -> TestResponse:
        """Sign in over REST."""
        return (client or self.bench.client()).post(
            "/auth/api/v1/login",
            json={"email": email, "password": password},
            environ_overrides={"REMOTE_ADDR": address},
            headers={"User-Agent": user_agent},
        )

    def signed_in(self, name: str, user_agent: str = FIREFOX) -> Client:
        """A browser in which this person has signed in."""
        client = self.bench.client()
        answer = self.attempt(f"{name.lower()}@popug.test", client=client, user_agent=user_agent)
        assert answer.status_code == 200, answer.text
        return client

    def token(self, client: Client) -> str:
        """The session token in a browser."""
        cookie = client.get_cookie(cookie_name(self.bench.settings))
        assert cookie
        return cookie.value

    def session_id(self, client: Client) -> str:
        """The id of the session in a browser."""
        now = self.bench.clock.now()
        return self.runtime.verifier.verify(self.token(client), now).session_id

    def said(self) -> list[AccessChanged]:
        """The AccessChanged that were emitted since the last look."""
        found = self.bench.emitted("auth")
        self.runtime.relay.send_waiting()
        return found
