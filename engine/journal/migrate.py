"""The schema's numbered steps. Each runs in one transaction; a newer journal than we know is refused.

A step is frozen once released: it spells its statements out, or builds them from `tables.py` as
long as that table has not changed since. The number stands in `facts` under `schema`.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from engine.journal.errors import Newer

Database: TypeAlias = Literal["sqlite", "postgresql"]


def _first(database: Database) -> list[str]:
    # imported here: a journal that has its tables needs no SQLAlchemy, and the bus starts the quicker
    from sqlalchemy.dialects import registry
    from sqlalchemy.schema import CreateIndex, CreateTable

    from engine.journal import tables

    dialect = registry.load(database)()
    statements = []
    for table in tables.metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements.extend(str(CreateIndex(index).compile(dialect=dialect)) for index in indexes)
    if database == "postgresql":
        statements.append("create sequence message_seq")
    return statements


STEPS: Sequence[Callable[[Database], list[str]]] = (_first,)
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
