"""A process hears that it is to end, whichever of its threads the kernel tells."""

import subprocess
import sys

PROGRAM = """
import signal, threading, time
from chassis.threads import wait_for_signal

asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())

def told_instead():
    time.sleep(1)  # the main thread waits by now
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(600)

threading.Thread(target=told_instead, daemon=True).start()
WAIT
"""


def _ends(wait: str, seconds: float) -> bool:
    command = [sys.executable, "-c", PROGRAM.replace("WAIT", wait)]
    try:
        return subprocess.run(command, timeout=seconds, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def test_a_signal_that_another_thread_was_given_is_heard() -> None:
    assert _ends("wait_for_signal(asked)", 30)


def test_a_plain_wait_would_not_hear_it() -> None:
    assert not _ends("asked.wait()", 5)
