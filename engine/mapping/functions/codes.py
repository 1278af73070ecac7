"""Codes, truth values and numbers."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.base.where import did_you_mean
from engine.mapping.functions.kind import UNFIT, Apply, Setup, Unfit, WordError, function, text
from engine.mapping.tables import Table

_USUAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?\Z")
"""Numbers that need no second look."""


@function(("male", "table(sex)", "1"), ("other", "table(sex)", UNFIT))
def table(name: str, *, setup: Setup) -> Apply:
    """The code that a code table has for the value.

    In a map that makes something of theirs, ours becomes theirs; in a map that makes one of our shapes,
    theirs becomes ours. A code that the table does not know is refused, unless the table says otherwise.
    """
    found = setup.tables.get(name)
    if found is None:
        raise WordError(f"there is no table {name!r}", did_you_mean(name, setup.tables))
    return _back(found) if setup.ours else _forth(found)


def _forth(found: Table) -> Apply:
    codes, otherwise, name = dict(found.forth), found.otherwise, found.name

    def apply(value: Any) -> str:
        code = codes.get(text(value), otherwise)
        if code is None:
            raise Unfit(f"not in table {name}")
        return code

    return apply


def _back(found: Table) -> Apply:
    if found.ambiguous:
        theirs, ours = next(iter(found.ambiguous.items()))
        what = f"table {found.name!r} cannot be read back: {theirs!r} stands under {' and '.join(ours)}"
        raise WordError(what, f"keep it under one, at {found.where}")
    codes, rest, name = dict(found.back), found.rest, found.name

    def apply(value: Any) -> str:
        code = codes.get(text(value), rest)
        if code is None:
            raise Unfit(f"not in table {name}")
        return code

    return apply


@function(
    ("Y", "boolean", True), ("0", "boolean", False), ("是", "boolean(是, 否)", True), ("2", "boolean", UNFIT)
)  # fmt: skip
def boolean(yes: str = "", no: str = "") -> Apply:
    """True or false. Without words: 1, true, Y, yes, 是 and 0, false, N, no, 否; any other value is refused."""
    true = {yes} if yes else {"1", "true", "y", "yes", "是"}
    false = {no} if no else {"0", "false", "n", "no", "否"}

    def apply(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        word = text(value)
        word = word if yes else word.lower()
        if word in true:
            return True
        if word in false:
            return False
        raise Unfit("neither yes nor no")

    return apply


def number(value: Any) -> Decimal:
    """The exact number of a text or number. Raises Unfit for what is none: NaN, infinity, `1e5`, truth values."""
    if isinstance(value, bool):
        raise Unfit("not a number")
    word = text(value).strip()
    if _USUAL.match(word):
        return Decimal(word)
    try:
        found = Decimal(word)
    except InvalidOperation:
        raise Unfit("not a number") from None
    if not found.is_finite() or "e" in word.lower() or "_" in word or not word.isascii() or len(word) > 40:
        raise Unfit("not a plain number")
    return found


@function((" 5.20", "decimal", Decimal("5.20")), ("<5", "decimal", UNFIT))
def decimal() -> Apply:
    """An exact number that keeps its digits: 5.20 stays 5.20."""
    return number


@function(("007", "integer", 7), ("3.0", "integer", 3), (True, "integer", 1), ("3.5", "integer", UNFIT))
def integer() -> Apply:
    """A whole number; true is 1 and false 0."""

    def apply(value: Any) -> int:
        if isinstance(value, bool):
            return int(value)
        found = number(value)
        if found != found.to_integral_value():
            raise Unfit("not a whole number")
        return int(found)

    return apply


@function(
    ("<5", "decimal | otherwise(0)", "0"), ("<5", "decimal | otherwise", None), ("7", "decimal | otherwise", Decimal(7))
)  # fmt: skip
def otherwise(word: str | None = None) -> Apply:
    """`word` (or nothing) where a function before it refused the value."""
    return lambda: word
