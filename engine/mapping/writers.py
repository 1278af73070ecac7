"""What a map fills: a wire format's tree, or one of our documents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from engine.formats import dotted
from engine.formats.format import Format, PathError
from engine.mapping import kinds
from engine.mapping.shapes import Document, ShapeField, entry, whole

Fit: TypeAlias = Callable[[Any], Any]
Keys: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """Where in a text a target stands: at the root, in an entry of a list, below a group."""

    keys: Keys = ()
    """Keys of the groups around it, from the root or the entry."""
    strip: Keys = ()
    """Keys of the list around it, which its targets may repeat."""
    path: str = ""
    """The groups around it, as one path of our shape."""
    fields: Mapping[str, ShapeField] | None = None
    """Fields of our shape that can be filled here; None at the root."""
    shown: str = ""
    """The path from the root, for messages."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A place to fill and what its value must be."""

    keys: Keys
    lists: bool = False
    always: bool = False
    required: bool = False
    fit: Fit | None = None
    text: bool = False
    """The value must be text and has no other rule: cheaper than `fit`."""
    held: ShapeField | None = None
    """The field of our shape, where one is filled."""


class Writer(Protocol):
    """What maps fill."""

    @property
    def clears(self) -> bool:
        """True: an explicit null is written as None (our documents); False: as NULL, the format knows what it is."""
        ...

    @property
    def name(self) -> str:
        """What is filled, for messages."""
        ...

    def goal(self, path: str, level: Level) -> Goal:
        """The place of a path. Raises PathError."""
        ...

    def entry(self, goal: Goal) -> Goal:
        """An entry of a list of plain values. Raises PathError."""
        ...

    def needs(self, level: Level) -> Mapping[str, ShapeField]:
        """Fields that our shape has at the root or in an entry; nothing for wire formats."""
        ...


def below_group(level: Level, path: str, goal: Goal) -> Level:
    """The level of fields that stand or fall together."""
    joined = f"{level.path}.{path}" if level.path else path
    return Level(goal.keys, level.strip, joined, level.fields, level.shown + path + ".")


def below_list(level: Level, path: str, goal: Goal) -> Level:
    """The level of an entry."""
    fields = entry(goal.held).fields if goal.held is not None else {}
    return Level((), goal.keys, "", fields, level.shown + path + ".")


@dataclass(frozen=True, slots=True)
class WireWriter:
    """Fills a wire format's tree."""

    format: Format
    clears: bool = False

    @property
    def name(self) -> str:
        return self.format.name

    def goal(self, path: str, level: Level) -> Goal:
        target = self.format.target(path, level.shown.removesuffix("."))
        keys = target.keys
        if level.strip and keys[: len(level.strip)] == level.strip and len(keys) > len(level.strip):
            keys = keys[len(level.strip) :]
        if keys[: len(level.keys)] != level.keys:
            keys = level.keys + keys
        return Goal(keys, target.lists, target.always)

    def entry(self, goal: Goal) -> Goal:
        return Goal((), goal.lists)

    def needs(self, level: Level) -> Mapping[str, ShapeField]:  # noqa: ARG002 - only shapes say what they need
        return {}


@dataclass(frozen=True, slots=True)
class AddressWriter:
    """Fills the named values of a call's address: flat, all text."""

    clears: bool = True
    name: str = "address"

    def goal(self, path: str, level: Level) -> Goal:  # noqa: ARG002 - it has one level
        keys = dotted.keys(path)
        if len(keys) != 1:
            raise PathError(f"{path!r}: a value of the address has one flat name")
        return Goal(keys, text=True)

    def entry(self, goal: Goal) -> Goal:  # noqa: ARG002 - the protocol's form
        raise PathError("an address has no lists", "join them to one text")

    def needs(self, level: Level) -> Mapping[str, ShapeField]:  # noqa: ARG002 - the protocol's form
        return {}


@dataclass(frozen=True, slots=True)
class ShapeWriter:
    """Fills one of our documents; each value is made to fit its field."""

    shape: Document
    zone: ZoneInfo
    clears: bool = True

    @property
    def name(self) -> str:
        return f"shape {self.shape.name!r}"

    def goal(self, path: str, level: Level) -> Goal:
        if any(isinstance(key, int) for key in dotted.keys(path)):
            raise PathError(f"{path!r}: a list of ours is filled by each:")
        full = f"{level.path}.{path}" if level.path else path
        return self._goal(dotted.keys(full), self.shape.at(full, level.fields), self._demanded(full, level))

    def entry(self, goal: Goal) -> Goal:
        assert goal.held is not None
        if goal.held.of is None:
            raise PathError(f"entries of {goal.held.name!r} have fields", "write fields: instead of from:")
        return self._goal((), entry(goal.held), demanded=False)

    def needs(self, level: Level) -> Mapping[str, ShapeField]:
        return self.shape.fields if level.fields is None else level.fields

    def _goal(self, keys: Keys, held: ShapeField, demanded: bool) -> Goal:
        if held.kind in {"object", "list"}:
            return Goal(keys, required=demanded, fit=whole(held), held=held)
        if held.kind == "text" and held.length is None:
            return Goal(keys, required=demanded, text=True, held=held)
        fit = kinds.fitter(held.kind, held.length, held.codes, self.zone)
        return Goal(keys, required=demanded, fit=fit, held=held)

    def _demanded(self, path: str, level: Level) -> bool:
        """Whether the field and every object around it must be there."""
        steps = path.split(".")
        return all(self.shape.at(".".join(steps[: n + 1]), level.fields).required for n in range(len(steps)))
