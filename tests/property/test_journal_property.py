"""delivery.md §8: random verbs, batches, crashes, clocks and nodes, on SQLite and on PostgreSQL.

Short here; `scripts/soak_journal.py` runs the same world for as long as one likes.
"""

from pathlib import Path

import pytest

from tests.postgres_server import Server
from tests.property.world import World


@pytest.mark.parametrize("seed", range(6))
async def test_the_invariants_hold_on_sqlite(tmp_path: Path, seed: int) -> None:
    await World(f"sqlite:///{tmp_path / 'journal.db'}", seed, ("bus",)).run(150)


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(4))
async def test_the_invariants_hold_with_two_nodes_on_postgresql(postgres: Server, seed: int) -> None:
    await World(postgres.fresh(), seed, ("a", "b")).run(120)
