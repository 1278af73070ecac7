"""The schema's numbered steps. Each runs in one transaction; a newer journal than we know is refused.

A step is frozen once released: it spells its statements out, or builds them from `tables.py` as
long as that table has not changed since. The number stands in `facts` under `schema`.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from engine.journal.errors import Newer

Database: TypeAlias = Literal["sqlite", "postgresql"]


_LATER = frozenset({"records"})
"""Tables that a later step makes."""


def _first(database: Database) -> list[str]:
    from engine.journal import tables

    made = _made(database, [name for name in tables.metadata.tables if name not in _LATER])
    return [*made, "create sequence message_seq"] if database == "postgresql" else made


def _records(database: Database) -> list[str]:
    return _made(database, ["records"])


def _made(database: Database, names: Sequence[str]) -> list[str]:
    """The statements that make these tables with their indexes."""
    # imported here: a journal that has its tables needs no SQLAlchemy, and the bus starts the quicker
    from sqlalchemy.dialects import registry
    from sqlalchemy.schema import CreateIndex, CreateTable

    from engine.journal import tables

    dialect = registry.load(database)()
    statements = []
    for table in (table for table in tables.metadata.sorted_tables if table.name in names):
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements.extend(str(CreateIndex(index).compile(dialect=dialect)) for index in indexes)
    return statements


STEPS: Sequence[Callable[[Database], list[str]]] = (_first, _records)
"""Step n brings a journal from number n to number n + 1."""


def missing(present: int, database: Database) -> list[list[str]]:
    """The statements of each step that a journal with number `present` lacks; 0 is an empty database.

    Each list ends by setting the new number, and belongs into one transaction. Raises Newer.
    """
    if present > len(STEPS):
        raise Newer(f"the journal has schema {present}, this program knows up to {len(STEPS)}: use a newer program")
    return [
        [
            *step(database),
            "delete from facts where name = 'schema'",
            f"insert into facts (name, value) values ('schema', '{number}')",
        ]
        for number, step in enumerate(STEPS[present:], start=present + 1)
    ]
