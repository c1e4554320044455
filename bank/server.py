"""The bank over its file: in another's process, or as one of its own until SIGTERM or SIGINT."""

import signal
import threading
from datetime import timedelta

import waitress

from bank.app import Bank
from chassis.clock import Clock, SystemClock
from chassis.database import Database
from chassis.logs import log
from chassis.settings import Settings, SettingsRefused
from chassis.threads import wait_for_signal

THREADS = 64
FILE_NAME = "bank.db"


def open_bank(settings: Settings, secret: str, clock: Clock, webhook_url: str) -> Bank:
    """The bank over its file in the data folder, which several processes may share.

    `secret` is what it and billing both know; `webhook_url`: whom it tells, if anybody.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = f"sqlite:///{settings.data.resolve() / FILE_NAME}"
    return Bank(
        Database(url, clock, settings, "/bank"),
        secret,
        timedelta(seconds=settings.gateway_key_seconds),
        webhook_url,
    )


def serve(settings: Settings, host: str, port: int) -> None:
    """Answer, and tell of what changes. Raises SettingsRefused without a key."""
    if not settings.bank_key:
        raise SettingsRefused("POPUG_BANK_KEY must be given to the bank and to billing alike")
    bank = open_bank(settings, settings.bank_key, SystemClock(), settings.bank_webhook_url)
    server = waitress.create_server(bank.app, host=host, port=port, threads=THREADS, ident=None)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopped.set())
    threading.Thread(target=server.run, daemon=True, name="bank-http").start()
    bank.start()
    log(service="bank").info("the bank is open", host=host, port=port)
    wait_for_signal(stopped)
    bank.stop()
    server.close()
    bank.close()
