"""The sweep on RabbitMQ and MariaDB in its short form, and that it finds what is planted."""

import pytest

from tests import mariadb, rabbitmq
from tests.sweep.running import points, swept

# What is swept on files need not be swept on servers in the short form: how a message
# travels is what differs.
ON_THE_WIRE = ("chassis.rabbitmq", "chassis.relay", "chassis.inbox", "chassis.outbox")


@pytest.fixture
def servers() -> None:
    if not (mariadb.reachable() and rabbitmq.reachable()):
        pytest.skip("no MariaDB or MySQL server, or no RabbitMQ that lets us make virtual hosts")


def test_a_kill_at_any_line_between_write_and_acknowledgement_on_rabbitmq_and_mariadb(
    servers: None,
) -> None:
    roles = ("worker of tasks", "worker of accounts")
    code, said = swept("servers", steps=roles, modules=ON_THE_WIRE)
    assert code == 0, said
    tried, lines = points(said)
    assert tried == lines > 200, said


@pytest.mark.parametrize(
    ("fault", "role", "module"),
    [
        ("acknowledge-before-commit", "worker of accounts", "chassis.inbox"),
        ("forget-before-publish", "worker of tasks", "chassis.rabbitmq.publishing"),
    ],
)
def test_a_planted_fault_is_found_on_servers(
    servers: None, fault: str, role: str, module: str
) -> None:
    code, said = swept(
        "servers", "--workers", "1", "--plant", fault, steps=(role,), modules=(module,)
    )
    assert code == 1, "the sweep has not noticed"
    assert "BROKEN" in said, said
    assert "unheard by" in said, said
