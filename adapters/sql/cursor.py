"""How far a feed has read: the values of its cursor's columns, kept as text."""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID  # noqa: TID251 - reads those that a database has made

from engine.contract import Unavailable

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
    return json.dumps([[type(value).__name__, as_text(value)] for value in values], ensure_ascii=False)


def read_cursor(cursor: str) -> list[Any]:
    """The values that `write_cursor` was given."""
    return [_KINDS[kind](text) for kind, text in json.loads(cursor)]


def must_ascend(places: Sequence[Sequence[Any]], *, text: bool) -> None:
    """Raises Unavailable for rows that do not stand in the order of their cursor, or share one: a page that ended
    between them would pass over a row. `text`: this database orders text by its characters' codes; of others only they
    know the order.
    """
    for before, after in pairwise(places):
        if list(before) == list(after):
            raise Unavailable("rows_share_a_cursor")
        if not _ascends(before, after, text=text):
            raise Unavailable("rows_not_in_cursor_order")


def _ascends(before: Sequence[Any], after: Sequence[Any], *, text: bool) -> bool:
    for one, other in zip(before, after, strict=True):
        if type(one) is not type(other) or (isinstance(one, str) and not text):
            return True
        if one != other:
            return bool(one < other)
    return False


def as_text(value: Any) -> str:
    """A value that JSON has no form for."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return b64encode(value).decode() if isinstance(value, bytes | memoryview) else str(value)
