"""Rows read on from a cursor: each becomes one item, a JSON object of its columns."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.cursor import as_text, must_ascend, read_cursor, write_cursor
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
        places = [[row[column] for column in options.cursor] for row in rows]
        must_ascend(places, text=self._database.dialect.text_by_code)
        return Page(
            items=[_item(row) for row in rows[:limit]],
            cursors=[write_cursor(place) for place in places[:limit]],
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
    return json.dumps(row, ensure_ascii=False, default=as_text).encode()
