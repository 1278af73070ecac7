"""Plays the journal's property test (delivery.md §8) for as long as one likes: `soak_journal.py --minutes 30`.

Seeds count up from --seed. The first failure stops it and names its seed and round. With --postgres URL two nodes
share that database, each world in a schema of its own; without, each world is a SQLite file.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path
from time import monotonic

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.property.world import World


async def play(seed: int, rounds: int, postgres: str | None) -> None:
    if postgres is None:
        with tempfile.TemporaryDirectory() as folder:
            await World(f"sqlite:///{folder}/journal.db", seed, ("bus",)).run(rounds)
        return
    import asyncpg

    connection = await asyncpg.connect(postgres)
    await connection.execute(f"drop schema if exists soak{seed} cascade; create schema soak{seed}")
    mark = "&" if "?" in postgres else "?"
    await World(f"{postgres}{mark}search_path=soak{seed}", seed, ("a", "b")).run(rounds)
    await connection.execute(f"drop schema soak{seed} cascade")
    await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=300, help="rounds of one world")
    parser.add_argument("--seed", type=int, default=1000, help="the first seed")
    parser.add_argument("--postgres", metavar="URL", help="two nodes on this database instead of SQLite")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    until, seed = monotonic() + chosen.minutes * 60, chosen.seed
    while monotonic() < until:
        asyncio.run(play(seed, chosen.rounds, chosen.postgres))
        seed += 1
        print(f"\r{seed - chosen.seed} worlds of {chosen.rounds} rounds hold", end="", flush=True)
    print()


if __name__ == "__main__":
    main()
