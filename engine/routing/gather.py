"""Several systems' answers made one: what each found, and who did not answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.base.errors import BusError, Code
from engine.model import Missing, Shape
from engine.routing.reading import Merge

_NOTHING = frozenset({Code.NOT_FOUND, Code.PATIENT_NOT_FOUND})
"""Errors by which a part says that it has nothing: it has answered."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one part came to."""

    name: str
    value: Shape | BusError


def merged(merge: Merge, parts: Sequence[Part]) -> tuple[Shape, tuple[Missing, ...]]:
    """The answer of all parts that were asked, in the order written, and those that did not answer.

    Raises the first part's BusError where none answered, and where one did not and all are wanted.
    """
    failed = [(part.name, part.value) for part in parts if isinstance(part.value, BusError) and not _empty(part)]
    if failed and (merge.all_or_none or len(failed) == len(parts)):
        raise failed[0][1]
    items = [item for part in parts if isinstance(part.value, dict) for item in part.value.get(merge.into) or ()]
    if merge.unique is not None:
        items = _unique(merge, items)
    if merge.order is not None:
        items = _ordered(merge, items)
    return {merge.into: items}, tuple(Missing(name, error.code.name) for name, error in failed)


def _empty(part: Part) -> bool:
    return isinstance(part.value, BusError) and part.value.code in _NOTHING


def _unique(merge: Merge, items: Sequence[Any]) -> list[Any]:
    assert merge.unique is not None
    seen, kept = set(), []
    for item in items:
        value = merge.unique(item)
        if value is None or value not in seen:
            kept.append(item)
        seen.add(value)
    return kept


def _ordered(merge: Merge, items: Sequence[Any]) -> list[Any]:
    """Items of the same value keep the order of their parts."""
    assert merge.order is not None
    valued = [(merge.order(item), item) for item in items]
    known = sorted((one for one in valued if one[0] is not None), key=lambda one: one[0], reverse=merge.greatest_first)
    return [item for _, item in [*known, *(one for one in valued if one[0] is None)]]
