"""Rows: what databases give and take.

A row read by a feed is a document of its columns (it travels as a JSON object). A query's reply is
`{rows: […], count: n}`: `rows(0).ID`, `each: rows`, `when: rows empty`. What a map builds is one flat
mapping of parameters for a statement; one without a value stands as None, so that every bound name exists.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from engine.base.errors import BusError, Code
from engine.contract import Options, Reply, Row
from engine.formats import dotted
from engine.formats.format import NULL, Hints, PathError, Target
from engine.formats.format import Code as Compiled
from engine.formats.json import Json, dump
from engine.formats.plain import Plain

_CARRIED = (str, int, float, Decimal, bytes, date, type(None))


class RowOptions(Options):
    """Options of `row:` in a profile: there are none."""


class Rows(Plain):
    """The format `row`. Documents are dicts; what is built is a mapping of parameters."""

    name = "row"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        RowOptions.model_validate(options or {})
        self._json = Json()

    def parse(self, raw: bytes, hints: Hints) -> Any:
        return self._json.parse(raw, hints)

    def read(self, path: str) -> Compiled:
        return dotted.read(path)

    def each(self, path: str) -> Compiled:
        return dotted.each(path)

    def read_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - a row reads the same everywhere
        return dotted.read(path)

    def each_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - a row reads the same everywhere
        return dotted.each(path)

    def target(self, path: str, within: str = "") -> Target:  # noqa: ARG002 - a place says all by itself
        keys = dotted.keys(path)
        if len(keys) > 1:
            raise PathError(f"{path!r} is no parameter", "a statement's parameters have one flat name each")
        return Target(keys, always=True)

    def render(self, tree: Any) -> Row:
        for name, value in tree.items():
            if not isinstance(value, _CARRIED):
                if value is not NULL:
                    raise BusError(Code.VALIDATION_FAILED, f"{name}: no database parameter can carry this", spot=name)
                tree[name] = None
        return dict(tree)


def document(reply: Reply) -> dict[str, Any]:
    """What a database answered, as the document that replies are read from."""
    return {"rows": [dict(row) for row in reply.rows or ()], "count": reply.count}


def as_json(reply: Reply) -> bytes:
    """A database's answer as bytes for the record. Bytes in a column are said by their length only."""
    rows = [{name: _recorded(value) for name, value in row.items()} for row in reply.rows or ()]
    return dump({"rows": rows, "count": reply.count})


def _recorded(value: Any) -> Any:
    return {"bytes": len(value)} if isinstance(value, bytes) else value
