"""Where a map reads: paths of a wire format or of our shapes, as pieces of Python.

A scope is the root document (`doc`) or, inside a repeat, one entry (`i1`, `i2` …). Paths inside a
repeat are the entry's own; one that begins with `/` starts at the root. `$name` is what the bus
knows beside the document.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.base.where import did_you_mean
from engine.formats import dotted
from engine.formats.format import NULL, Code, Format, PathError
from engine.mapping.shapes import Document, ShapeField, entry
from engine.model import FINAL

TIMES = ("received", "now")
VALUES = ("token", "message_id", "campus", "system")
BUS = (*TIMES, *VALUES)
"""What the bus knows beside the document: instants, and texts."""


PARENT = "parent"
"""In a map that makes a child: the document of the message that it is made of."""

OUTCOMES = tuple(sorted(state.value for state in FINAL))
"""What a step can have come to."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One level of reading."""

    variable: str = "doc"
    each: str | None = None
    """Path of the innermost repeat; None at the root."""
    fields: Mapping[str, ShapeField] | None = None
    """Fields of an entry, where a shape is read."""


class Reader(Protocol):
    """What maps read from."""

    @property
    def blanks(self) -> bool:
        """Whether an empty text may come out, which counts as nothing."""
        ...

    @property
    def nulls(self) -> bool:
        """Whether NULL may come out, "delete this value"."""
        ...

    def read(self, path: str, scope: Scope) -> Code:
        """The code of a path, over the scope's variable and `doc`. Raises PathError."""
        ...

    def each(self, path: str, scope: Scope, variable: str) -> tuple[Code, Scope]:
        """The code of a repeat's entries, and the scope inside it. Raises PathError."""
        ...

    def check_word(self, path: str, scope: Scope, word: str) -> None:
        """Raises PathError for a word that the path can never have (a code that its field does not know)."""
        ...


@dataclass(frozen=True, slots=True)
class WireReader:
    """Reads documents of a wire format."""

    format: Format
    settings: Collection[str] = ()
    bus: bool = True
    """False: what the bus knows cannot be read (replies and tests of what comes in: they mean the same at any time)."""

    @property
    def blanks(self) -> bool:
        return self.format.name != "hl7"

    @property
    def nulls(self) -> bool:
        return self.format.name == "hl7"

    def read(self, path: str, scope: Scope) -> Code:
        if path.startswith("$"):
            if not self.bus:
                raise PathError(f"{path} cannot be read here", "only what the message itself says")
            return _known(path[1:], self.settings)
        if path.startswith("/"):
            return _at("doc", self.format.read(path[1:]))
        if scope.each is None:
            return _at("doc", self.format.read(path))
        return _at(scope.variable, self.format.read_in(scope.each, path))

    def each(self, path: str, scope: Scope, variable: str) -> tuple[Code, Scope]:
        rooted = path.startswith("/")
        path = path.removeprefix("/")
        if rooted or scope.each is None:
            return _at("doc", self.format.each(path)), Scope(variable, path)
        return _at(scope.variable, self.format.each_in(scope.each, path)), Scope(variable, path)

    def check_word(self, path: str, scope: Scope, word: str) -> None:
        """A wire format has no closed lists of words."""


@dataclass(frozen=True, slots=True)
class ShapeReader:
    """Reads our documents; with a shape, every path is checked against it."""

    shape: Document | None
    settings: Collection[str] = ()
    steps: Collection[str] | None = None
    """Steps whose `outcome` and `reply` can be read; a step's name alone is its outcome. None: any name may be one."""
    blanks: bool = field(default=True, init=False)
    nulls: bool = field(default=False, init=False)
    replies: set[str] = field(default_factory=set, init=False, compare=False)
    """Steps whose `reply` was read through it."""

    def read(self, path: str, scope: Scope) -> Code:
        if path.startswith("$"):
            return _known(path[1:], self.settings)
        rooted = path.startswith("/")
        path = path.removeprefix("/")
        if rooted or scope.each is None:
            if path in BUS and not self._declares(path):
                return _known(path, self.settings)
            if self._is_step(path):
                return _at("doc", dotted.read(f"{path}.outcome"))
            if not self._of_step(path) and self.shape is not None:
                self.shape.at(path)
            return _at("doc", dotted.read(path))
        self._check_entry(path, scope)
        return _at(scope.variable, dotted.read(path))

    def each(self, path: str, scope: Scope, variable: str) -> tuple[Code, Scope]:
        rooted = path.startswith("/") or scope.each is None
        path = path.removeprefix("/")
        code = _at("doc" if rooted else scope.variable, dotted.each(path))
        if self.shape is None or (rooted and self._of_step(path)) or (not rooted and scope.fields is None):
            return code, Scope(variable, path)
        found = self.shape.at(path, None if rooted else scope.fields)
        if found.kind != "list":
            raise PathError(f"{path!r} is not a list in shape {self.shape.name!r}", "each: names a list")
        return code, Scope(variable, path, entry(found).fields)

    def check_word(self, path: str, scope: Scope, word: str) -> None:
        if self.shape is None or path.startswith("$") or self._of_step(path) or path == ".":
            return
        inside = scope.fields if scope.each is not None and not path.startswith("/") else None
        if scope.each is not None and inside is None and not path.startswith("/"):
            return
        path = path.removeprefix("/")
        if inside is None and path in BUS and not self._declares(path):
            return
        if self._is_step(path):
            if word not in OUTCOMES:
                raise PathError(f"a step never becomes {word!r}", did_you_mean(word, OUTCOMES))
            return
        found = self.shape.at(path, inside)
        if found.kind == "code" and word not in found.codes:
            raise PathError(f"{path!r} is never {word!r}", did_you_mean(word, found.codes))

    def _check_entry(self, path: str, scope: Scope) -> None:
        if self.shape is None or scope.fields is None or path == ".":
            return
        try:
            self.shape.at(path, scope.fields)
        except PathError as error:
            first = path.split(".", maxsplit=1)[0]
            if self._declares(first) or first in BUS:
                raise PathError(error.what, f"inside each: the root's fields begin with /: /{path}") from None
            raise

    def _declares(self, name: str) -> bool:
        return self.shape is not None and name in self.shape.fields

    def _is_step(self, path: str) -> bool:
        return self.steps is not None and path in self.steps and not self._declares(path)

    def _of_step(self, path: str) -> bool:
        """Whether the path reads an earlier step: `store.outcome`, `store.reply.id`."""
        name, dot, rest = path.partition(".")
        if not dot or self._declares(name):
            return False
        if self.steps is None and name == PARENT:
            return True
        if rest != "outcome" and rest.split(".")[0].split("(")[0] != "reply":
            return False
        if self.steps is not None and name not in self.steps:
            raise PathError(f"no step {name!r} comes before", did_you_mean(name, self.steps))
        if rest != "outcome":
            self.replies.add(name)
        return True


def _known(name: str, settings: Collection[str]) -> Code:
    if name in TIMES:
        return Code(f"ctx.{name}")
    if name in VALUES or name in settings:
        return Code(f"ctx.values.get({name!r})")
    raise PathError(f"${name} is not known to the bus", did_you_mean(name, [*BUS, *settings]))


def _at(variable: str, code: Code) -> Code:
    return Code(code.code.replace("{d}", variable), code.names)


def present(value: Any) -> bool:
    """Whether there is a value: not None, not NULL, no empty text, list or object."""
    return value is not None and value is not NULL and value not in ("", [], {})
