"""What a profile may say about a database."""

from collections.abc import Iterable
from enum import Enum
from typing import Self

from pydantic import Field, model_validator

from adapters.sql.statements import compiled, names
from engine.contract import Options


class Kind(Enum):
    """What an operation does, and so what is known when it breaks off.

    - `change`: statements in one transaction, committed at the end; before the commit nothing is done.
    - `query`: one transaction that only reads.
    - `call`: one statement that runs a procedure; it may commit inside, so a break is always a doubt.
    """

    CHANGE = "change"
    QUERY = "query"
    CALL = "call"


class ProfileOptions(Options):
    """The block `sql:` of a profile."""

    schema_file: str | None = Field(default=None, alias="schema")
    """A file beside the profile with `create … if not exists` statements, run at the first connection where
    the system's configuration says `create: true`."""


class OperationOptions(Options):
    """What one operation runs."""

    kind: Kind = Kind.CHANGE
    """`change`, `query` or `call`."""
    statement: str = Field(min_length=1)
    """SQL with `:name` for each parameter. Several statements end with `;` each and share one transaction;
    the reply has the rows and the count of the last one."""
    cursor: tuple[str, ...] = ()
    """For feeds: columns of the row that say how far the feed has read, in the order of the query. The query
    has `:cursor` (several columns: `:cursor_` and the column's name) and `:limit`; `:until`, where it stands, is the
    day of the run as a date: `updated_at < :until` leaves today's rows to tomorrow."""
    start: tuple[str | int, ...] = ()
    """For feeds: the cursor's values before the first row."""

    @model_validator(mode="after")
    def _feed(self) -> Self:
        if not self.cursor:
            return self
        if len(self.start) != len(self.cursor) or self.kind is not Kind.QUERY:
            raise ValueError("a feed is a query, and `start` has one value for each column of `cursor`")
        wanted = {"limit", *cursor_names(self.cursor)}
        named = names(compiled(self.statement, whole=False))
        if missing := wanted - named:
            raise ValueError(f"the query of a feed names {_said(missing)}")
        if unknown := named - wanted - {"until"}:
            raise ValueError(f"the query of a feed has no {_said(unknown)}, only {_said(wanted | {'until'})}")
        return self


def _said(parameters: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in sorted(parameters))


def cursor_names(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The parameters that hold a feed's cursor."""
    return ("cursor",) if len(columns) == 1 else tuple(f"cursor_{column}" for column in columns)
