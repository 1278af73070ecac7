"""JSON: orjson both ways, exact about numbers.

`5.20` is read as Decimal("5.20") and an order number of twenty digits stays whole: floats would lose
both. Decimals are written with their digits. Refuses what is too deep or too large before it costs.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import orjson

from engine.base.errors import BusError, Code
from engine.contract import Options
from engine.formats import dotted
from engine.formats.format import NULL, Hints, Target
from engine.formats.format import Code as Compiled
from engine.formats.plain import Plain
from engine.formats.text import decode

_INEXACT: Final = re.compile(rb"[0-9](?:\.|[eE][-+]?)[0-9]|[0-9]{16}")
"""Bytes in which a number may stand that a float would change."""
_MOST_DIGITS: Final = 400
_LARGE: Final = 2**63


class JsonOptions(Options):
    """Options of `json:` in a profile."""

    charset: str | None = None
    """Character set of what is read, where it is not UTF-8 (`gb18030`). UTF-8 is always written."""
    array: bool = False
    """The outermost of what is written is an array: what a map makes is its one entry; where it makes nothing, `[]`."""


class Json(Plain):
    """The format `json`. Documents are dicts, lists and plain values."""

    name = "json"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = JsonOptions.model_validate(options or {})

    def parse(self, raw: bytes, hints: Hints) -> Any:
        if len(raw) > hints.size:
            raise BusError(Code.TOO_LARGE, f"more than {hints.size} bytes")
        body = self._utf8(raw, hints)
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BusError(Code.NOT_READABLE, "this is not JSON", spot=f"line {error.lineno}") from None
        if body.count(b"{") + body.count(b"[") > hints.depth and _deeper(document, hints.depth):
            raise BusError(Code.NOT_READABLE, f"nested deeper than {hints.depth}")
        return _exact(body) if _INEXACT.search(body) else document

    def read(self, path: str) -> Compiled:
        return dotted.read(path)

    def each(self, path: str) -> Compiled:
        return dotted.each(path)

    def read_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - an entry reads like a document
        return dotted.read(path)

    def each_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - an entry reads like a document
        return dotted.each(path)

    def target(self, path: str, within: str = "") -> Target:  # noqa: ARG002 - a place says all by itself
        return Target(dotted.keys(path), lists=True)

    def render(self, tree: Any) -> bytes:
        if self._options.array:
            return dump([tree] if tree else [])
        return dump(tree)

    def _utf8(self, raw: bytes, hints: Hints) -> bytes:
        charset = hints.charset or self._options.charset
        if charset is None:
            return raw.removeprefix(b"\xef\xbb\xbf")
        return decode(raw, charset).encode()


def dump(tree: Any) -> bytes:
    """JSON bytes of plain values, Decimals with their digits. Raises BusError for anything else."""
    try:
        return orjson.dumps(tree, default=_other)
    except orjson.JSONEncodeError:
        pass  # perhaps only for a whole number beyond 64 bits
    try:
        return orjson.dumps(_widened(tree), default=_other)
    except (orjson.JSONEncodeError, RecursionError):
        raise BusError(Code.VALIDATION_FAILED, "a value that JSON cannot carry") from None


def _exact(body: bytes) -> Any:
    """The same once more, with whole numbers whole and all others as Decimals."""
    try:
        return json.loads(body, parse_float=_number)
    except ValueError:
        raise BusError(Code.NOT_READABLE, "a number that is too long") from None


def _number(text: str) -> Decimal:
    """A number as it is written; one that would be a page of digits is refused."""
    found = Decimal(text)
    if abs(found.adjusted()) > _MOST_DIGITS:
        raise ValueError
    return found


def _widened(tree: Any) -> Any:
    """With whole numbers beyond 64 bits as Decimals, which are written digit by digit."""
    if isinstance(tree, dict):
        return {key: _widened(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_widened(value) for value in tree]
    large = isinstance(tree, int) and abs(tree) >= _LARGE
    return Decimal(tree) if large else tree


def _other(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    if value is NULL:
        return None
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError


def _deeper(document: Any, limit: int) -> bool:
    """Whether containers are nested deeper than the limit; walks level by level, without recursion."""
    level: list[Any] = [document]
    for _ in range(limit):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
