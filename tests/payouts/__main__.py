"""`make payouts`: ten thousand payouts, a bank with all its faults, and kills."""

import argparse
import logging
import secrets
import sys
import tempfile
from pathlib import Path

from chassis import logs
from tests.payouts.campaign import Broken, Campaign, why_not


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payouts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    missing = why_not()
    if missing:
        print(missing, file=sys.stderr)
        return 1
    logs.configure("CRITICAL", "text")
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(
            Path(folder), options.payouts, options.seed, lambda text: print(text, flush=True)
        )
        try:
            report = campaign.run()
        except Broken as broken:
            print(f"BROKEN: {broken}")
            return 1
    print(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
