"""What a mapping function is.

A function is made once, from the words in its brackets, when texts are loaded; what comes out is a
plain Python callable that the generated map calls with each value. It is pure: no clock, no host.
It is never called with "nothing" (None or empty text), unless it says so.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from engine.mapping.tables import Table

Apply: TypeAlias = Callable[..., Any]
"""Takes the value (and the Context, where the function `knows`), gives the new one, or raises Unfit."""


class Unfit(Exception):
    """A value that cannot be mapped. `why` names what is wrong with it, never the value."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class WordError(Exception):
    """Words in a function's brackets that it cannot take; said when texts are loaded."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Setup:
    """What making a function may know of the site and the profile."""

    zone: ZoneInfo
    tables: Mapping[str, Table] = field(default_factory=dict)
    ours: bool = False
    """True where the map makes our own shape: code tables are read from their side to ours."""


@dataclass(frozen=True, slots=True)
class Example:
    """`given | call` gives `gives`; each one is documentation and a test. An Unfit example gives UNFIT."""

    given: Any
    call: str
    gives: Any


UNFIT = "refused"


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the closed list."""

    name: str
    make: Callable[..., Apply]
    examples: tuple[Example, ...]
    on_nothing: bool
    """True: it is called with None as well."""
    knows: bool
    """True: it is called with the value and the Context."""

    @property
    def says(self) -> str:
        """Its documentation."""
        return inspect.getdoc(self.make) or ""

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """The words it takes."""
        return [each for each in inspect.signature(self.make).parameters.values() if each.name != "setup"]

    @property
    def signature(self) -> str:
        """How it is written: `pad(width, [char])`."""
        names = [_written(each) for each in self.parameters]
        return f"{self.name}({', '.join(names)})" if names else self.name

    def prepare(self, words: tuple[str, ...], setup: Setup) -> Apply:
        """The callable for these words. Raises WordError."""
        parameters = self.parameters
        least = sum(each.default is inspect.Parameter.empty and each.kind != each.VAR_POSITIONAL for each in parameters)
        many = any(each.kind == each.VAR_POSITIONAL for each in parameters)
        if len(words) < least or (len(words) > len(parameters) and not many):
            takes = _count(least, len(parameters), many)
            raise WordError(f"{self.name} takes {takes}, not {len(words)}", f"write {self.signature}")
        given = [_word(self.name, parameters[min(at, len(parameters) - 1)], word) for at, word in enumerate(words)]
        wants_setup = "setup" in inspect.signature(self.make).parameters
        return self.make(*given, setup=setup) if wants_setup else self.make(*given)


FUNCTIONS: dict[str, Function] = {}
"""The closed list, by name; filled by the modules of this package."""


def function(
    *examples: tuple[Any, str, Any], on_nothing: bool = False, knows: bool = False
) -> Callable[[Callable[..., Apply]], Callable[..., Apply]]:
    """Puts a maker on the closed list under its own name."""

    def register(make: Callable[..., Apply]) -> Callable[..., Apply]:
        name = make.__name__.rstrip("_")
        FUNCTIONS[name] = Function(name, make, tuple(Example(*each) for each in examples), on_nothing, knows)
        return make

    return register


def text(value: Any) -> str:
    """The value as text; lists and objects are no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | float):
        return repr(value)
    raise Unfit("not a text")


def _word(name: str, parameter: inspect.Parameter, word: str) -> Any:
    if parameter.annotation is int:
        if not (word.isascii() and word.isdigit()):
            raise WordError(f"{name}: {parameter.name} is a whole number, not {word!r}")
        return int(word)
    return word


def _written(parameter: inspect.Parameter) -> str:
    if parameter.kind == parameter.VAR_POSITIONAL:
        return f"{parameter.name}, …"
    return parameter.name if parameter.default is parameter.empty else f"[{parameter.name}]"


def _count(least: int, most: int, many: bool) -> str:
    if many:
        return f"at least {least} words"
    amount = str(least) if least == most else f"{least} to {most}"
    return f"{amount} word{'' if most == 1 else 's'}" if most else "no words"
