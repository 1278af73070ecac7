"""What the writer and the journal ask of a database; sqlite_store.py and postgres_store.py answer."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from engine.journal.marks import Mark

Crash = Callable[[str], None]
"""Tests kill the process here. Points: `before-<kind>-commit` and `after-<kind>-commit`, where kind is
accept, claim, sending, settle, withdraw, acted, part … for each kind of mark in the batch.
"""


class Store(Protocol):
    """One database, opened for writing by this node."""

    node: str

    async def commit(self, marks: Sequence[Mark], crash: Crash | None) -> list[Any]:
        """Runs marks in one durable transaction and returns the result of each.

        Raises MarkRefused where one of them cannot be stored, DatabaseFull or DatabaseDown where nothing
        can just now; nothing of the batch has happened then, and the rooms it took are given back.
        """
        ...

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Rows of a reading statement (reads.py), as of the last commit."""
        ...

    async def nodes(self) -> int:
        """Nodes that are alive by the database's clock, this one included."""
        ...

    def low(self) -> bool:
        """Whether free disk is below the reserve."""
        ...

    async def close(self) -> None:
        """Gives back what this node had claimed, its name and its lock."""
        ...


def crash_points(marks: Sequence[Mark]) -> list[str]:
    """The kinds of a batch, as crash points name them."""
    return sorted({type(mark).__name__.lower() for mark in marks})
