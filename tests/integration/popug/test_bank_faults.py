"""`popug bank-faults`: whichever bank is in use is shown and switched."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from bank.server import open_bank
from chassis.clock import SystemClock
from chassis.settings import load_settings
from tests.system.running import Answer, popug_command

KEY = "what both know"
Ask = Callable[..., Answer]


@pytest.fixture(params=["guest", "elsewhere"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ask]:
    """`popug bank-faults` beside a bank within Popug, or one that answers over HTTP."""
    environment = {"POPUG_DATA": str(tmp_path / "data")}
    if request.param == "guest":
        yield lambda *said: popug_command(environment, "bank-faults", *said)
        return
    bank = open_bank(load_settings({}, data=tmp_path / "bank"), KEY, SystemClock(), "")
    server = make_server("127.0.0.1", 0, bank.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    environment |= {
        "POPUG_BANK_URL": f"http://127.0.0.1:{server.server_port}",
        "POPUG_BANK_KEY": KEY,
    }
    yield lambda *said: popug_command(environment, "bank-faults", *said)
    server.shutdown()
    thread.join()
    server.server_close()
    bank.close()


def test_faults_are_shown_set_and_switched_off(ask: Ask) -> None:
    assert ask().stdout == "The bank behaves.\n"
    assert ask("refuse=7", "later_ms=2000").stdout == "later_ms=2000\nrefuse=7\n"
    assert ask("too_many=1").stdout == "too_many=1\n", "what is not named is switched off"
    assert ask().stdout == "too_many=1\n"
    assert ask("--none").stdout == ask().stdout == "The bank behaves.\n"


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (("steal=3",), "a fault is one of error_before"),
        (("refuse=1001",), "a fault is one of error_before"),
        (("refuse",), "write it like refuse=20"),
        (("refuse=-1",), "write it like refuse=20"),
        (("refuse=²",), "write it like refuse=20"),
        (("refuse=1", "--none"), "either faults or --none"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    ask: Ask, said: tuple[str, ...], complaint: str
) -> None:
    ask("refuse=7")
    refused = ask(*said)
    assert refused.returncode != 0
    assert complaint in refused.stderr
    assert ask().stdout == "refuse=7\n"


def test_a_bank_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    away = {"POPUG_DATA": str(tmp_path), "POPUG_BANK_URL": "http://127.0.0.1:1"}
    said = popug_command(away | {"POPUG_BANK_KEY": "k"}, "bank-faults")
    assert said.returncode == 1 and "the bank does not answer" in said.stderr
    here = {"POPUG_DATA": str(tmp_path)}
    assert popug_command(here, "bank-faults").returncode == 0
