"""RabbitMQ is down for minutes: everything is still answered, and catches up by itself."""

import time
from collections.abc import Callable

from tests.faults.arena import Arena
from tests.faults.journal import BrokenPromise
from tests.faults.walk import Stage, lines, walk


def live_through(arena: Arena, seconds: float, say: Callable[[str], None]) -> None:
    """Walk all routes, again and again, while RabbitMQ is down. Raises BrokenPromise.

    `arena` runs without a load: the walk is the load.
    """
    stage = Stage(arena.company, arena.popug.inside_url)
    stage.prepare()
    arena.drain(time.monotonic())
    down_since = time.monotonic()
    arena.broker.kill()
    walks = 0
    while not walks or time.monotonic() - down_since < seconds:
        wrong = walk(stage)
        if wrong:
            raise BrokenPromise(f"without RabbitMQ: {len(wrong)} answers are wrong: {wrong[:5]}")
        walks += 1
    waiting = arena.waiting_events()
    if not waiting:
        raise BrokenPromise("the walk changed nothing that others must hear of")
    down = time.monotonic() - down_since
    arena.broker.start()
    begun = time.monotonic()
    arena.drain(begun)
    arena.check_books()
    say(
        f"RabbitMQ down for {down:.0f} s: {walks} walks over {len(list(lines()))} routes, "
        f"all answered; {waiting} events caught up {time.monotonic() - begun:.1f} s after it "
        "was back"
    )
