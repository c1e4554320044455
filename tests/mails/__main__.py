"""`make mails`: ten thousand mails, a server that misbehaves, a worker killed a hundred times."""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from chassis import logs
from tests import rabbitmq
from tests.mails.campaign import Campaign, Plan

MAILS, KILLS, MISHAPS = 10_000, 100, 0.05
SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mails", description=__doc__)
    parser.add_argument("--mails", type=int, default=MAILS)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--mishaps", type=float, default=MISHAPS, help="the share of mails")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    options = parser.parse_args()
    if not rabbitmq.reachable():
        print("no RabbitMQ server that lets us make virtual hosts", file=sys.stderr)
        return 1
    logs.configure("CRITICAL", "text")
    print(f"seed {options.seed}", flush=True)
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="popug-mails-"))
    with rabbitmq.fresh_vhost() as url:
        plan = Plan(options.mails, options.kills, options.mishaps)
        outcome = Campaign(folder, url, plan, options.seed).run(
            lambda line: print(f"[{time.monotonic() - begun:5.0f} s] {line}", flush=True)
        )
    print(outcome)
    if outcome.wrong:
        print(f"BROKEN, the logs are in {folder}:", *outcome.wrong[:SHOWN], sep="\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
