"""The schema's numbered steps. Each runs in one transaction; a newer journal than we know is refused.

A step is frozen once released: it spells its statements out, or builds them from `tables.py` as
long as that table has not changed since. The number stands in `facts` under `schema`.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from engine.journal.errors import Newer, Older

Database: TypeAlias = Literal["sqlite", "postgresql"]


_LATER = frozenset({"records", "reads", "amendments"})
"""Tables that a later step makes or changes."""

_FIRST_READS = {
    "sqlite": """
create table reads (id integer primary key, at bigint not null, operation text not null, client text not null,
campus text not null, subject blob, code text not null)""",
    "postgresql": """
create table reads (id bigserial primary key, at bigint not null, operation text not null, client text not null,
campus text not null, subject bytea, code text not null)""",
}
_FIRST_READS_OF = "create index reads_of on reads (subject, at) where subject is not null"


def _first(database: Database) -> list[str]:
    from engine.journal import tables

    made = _made(database, [name for name in tables.metadata.tables if name not in _LATER])
    made += [_FIRST_READS[database], _FIRST_READS_OF]
    return [*made, "create sequence message_seq"] if database == "postgresql" else made


def _records(database: Database) -> list[str]:
    return _made(database, ["records"])


def _audit(database: Database) -> list[str]:
    """All that the audit says of a call, and its chain. Rows from before have no place in one."""
    binary = "blob" if database == "sqlite" else "bytea"
    texts = [f"{name} text not null default ''" for name in ("channel", "remote", "effect", "trace", "node")]
    numbers = ["count integer not null default 0", "took bigint not null default 0"]
    chain = ["unmasked boolean not null default false", "n bigint", f"prev {binary}", f"mac {binary}"]
    return [
        *(f"alter table reads add column {column}" for column in (*texts, *numbers, *chain)),
        "create unique index chained on reads (node, n) where n is not null",
    ]


def _amendments(database: Database) -> list[str]:
    return _made(database, ["amendments"])


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


STEPS: Sequence[Callable[[Database], list[str]]] = (_first, _records, _audit, _amendments)
"""Step n brings a journal from number n to number n + 1."""


def missing(present: int, database: Database, to: int | None = None) -> list[list[str]]:
    """The statements of each step that a journal with number `present` lacks; 0 is an empty database. `to`: no
    further than to that number.

    Each list ends by setting the new number, and belongs into one transaction. Raises Newer.
    """
    must_be_known(present)
    return [
        [
            *step(database),
            "delete from facts where name = 'schema'",
            f"insert into facts (name, value) values ('schema', '{number}')",
        ]
        for number, step in enumerate(STEPS[present:to], start=present + 1)
    ]


def must_be_known(present: int) -> None:
    """Raises Newer."""
    if present > len(STEPS):
        raise Newer(
            f"the journal has schema {present}, this program knows up to {len(STEPS)}: "
            "start the newer program again, or restore the backup that was made before the upgrade"
        )


def must_be_current(present: int) -> None:
    """Refuses to work on a journal of another program; one that is empty yet (0) is no other's. Raises Newer, Older."""
    must_be_known(present)
    if 0 < present < len(STEPS):
        raise Older(
            f"the journal has schema {present}, this program writes {len(STEPS)}: "
            "stop every bus, then hisbus journal upgrade BACKUP, which copies it there first"
        )
