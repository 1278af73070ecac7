"""The mapped body as the journal keeps it: what is sent again must be what was sent.

One line of JSON (values for the call's address, and whether a row follows), then the body's bytes or
the row as JSON pairs of name and value. Values that JSON has no form for carry their type:
`["fee", {"decimal": "1.20"}]`.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.contract import Reply
from engine.model import Built

_PLAIN = b"{}\n"
_READ: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "bytes": b64decode,
}


def encode(built: Built) -> bytes:
    """Bytes from which `decode` makes an equal `Built`. Raises TypeError for a value no row may hold."""
    if isinstance(built.body, bytes):
        return (_head({"fields": dict(built.fields)}) if built.fields else _PLAIN) + built.body
    pairs = [[name, _tag(value)] for name, value in built.body.items()]
    return _head({"fields": dict(built.fields), "row": True}) + json.dumps(pairs).encode()


def decode(stored: bytes) -> Built:
    """What was encoded. Raises ValueError for bytes that `encode` did not make."""
    head, found, rest = stored.partition(b"\n")
    if not found:
        raise ValueError("a stored body has no head")
    about = json.loads(head)
    body = dict(json.loads(rest, object_hook=_untag)) if about.get("row") else rest
    return Built(body, about.get("fields", {}))


def reply_bytes(reply: Reply) -> bytes:
    """A reply as it is kept: its bytes, or its rows as JSON, one a line."""
    if reply.rows is None:
        return reply.body
    rows = ({name: _told(value) for name, value in row.items()} for row in reply.rows)
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode("utf-8", "backslashreplace")


def _told(value: Any) -> Any:
    """A value as people read it; a database may answer with types that no statement takes (time, uuid, arrays)."""
    try:
        return _tag(value)
    except TypeError:
        return {type(value).__name__: str(value)}


def _head(about: dict[str, Any]) -> bytes:
    return json.dumps(about).encode() + b"\n"


def _tag(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return {"decimal": str(value)}
        case datetime():  # before date: each datetime is one
            return {"datetime": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case bytes():
            return {"bytes": b64encode(value).decode()}
        case _:
            raise TypeError(f"a row cannot hold a {type(value).__name__}")


def _untag(found: dict[str, Any]) -> Any:
    ((kind, text),) = found.items()
    return _READ[kind](text)
