"""Rows read on from a cursor: each becomes one item, a JSON object of its columns."""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID  # noqa: TID251 - reads those that a database has made

from sqlalchemy import TextClause
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.database import Database
from adapters.sql.options import OperationOptions, cursor_names
from adapters.sql.statements import compiled, names
from engine.contract import Link, Page, Unavailable


class SqlFeed:
    """Pulls pages of a query. Items keep every digit: decimals, dates and times are text, bytes are base64."""

    def __init__(self, link: Link) -> None:
        self._database = Database(link)
        self._operations = link.operations
        self._limit = link.limits.total

    def pull(self, operation: str, cursor: str | None, limit: int, until: date) -> Page:
        options = self._operations[operation]
        assert isinstance(options, OperationOptions)
        after: Sequence[Any] = options.start if cursor is None else read_cursor(cursor)
        if len(after) != len(options.cursor):
            raise Unavailable("cursor_of_other_columns")
        bind = self._database.dialect.bind
        values = dict(zip(cursor_names(options.cursor), map(bind, after), strict=True))
        (query,) = compiled(options.statement, whole=True)
        if "until" in names([query]):
            values["until"] = bind(until)
        rows = self._rows(query, {**values, "limit": limit + 1})
        return Page(
            items=[_item(row) for row in rows[:limit]],
            cursors=[write_cursor([row[column] for column in options.cursor]) for row in rows[:limit]],
            more=len(rows) > limit,
        )

    def close(self) -> None:
        self._database.close()

    def _rows(self, query: TextClause, values: dict[str, Any]) -> list[dict[str, Any]]:
        with self._database.session(self._limit, reading=True) as (connection, fuse):
            try:
                return [dict(row) for row in connection.execute(query, values).mappings()]
            except (SQLAlchemyError, OSError):
                why = "timeout" if fuse.blown else "query_failed"
            raise Unavailable(why)


def _item(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, default=_text).encode()


def _text(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return b64encode(value).decode() if isinstance(value, bytes | memoryview) else str(value)


_KINDS: dict[str, Any] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "UUID": UUID,
    "Decimal": Decimal,
    "bytes": b64decode,
    "int": int,
    "float": float,
    "str": str,
}


def write_cursor(values: Sequence[Any]) -> str:
    """The values of the cursor's columns as text that keeps their types. Raises Unavailable for one that could not be
    read again: nothing of its page is taken then.
    """
    if any(type(value).__name__ not in _KINDS for value in values):
        raise Unavailable("cursor_of_no_such_type")
    return json.dumps([[type(value).__name__, _text(value)] for value in values], ensure_ascii=False)


def read_cursor(cursor: str) -> list[Any]:
    """The values that `write_cursor` was given."""
    return [_KINDS[kind](text) for kind, text in json.loads(cursor)]
