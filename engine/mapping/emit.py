"""Python source written line by line, with what each line is about.

A generated function spends nothing on error places: when a line raises, its number says which field
it was.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any

from engine.base.errors import BusError, Code
from engine.mapping.functions.kind import Unfit

FOREIGN = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RecursionError)
"""What a value of an unexpected form can raise in generated code or a function."""


@dataclass(frozen=True, slots=True)
class About:
    """What a line of a generated map works on."""

    target: str
    source: str = ""
    """Where the value comes from, as the text says it."""
    lists: tuple[tuple[str, str], ...] = ()
    """Repeats around it: path and the variable that holds its entries so far."""
    spot: str = ""
    """The place in the message."""


class Emitter:
    """Collects lines, constants and what the lines are about."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[str] = []
        self.depth = 0
        self.names: dict[str, Any] = {}
        self._about: dict[int, About] = {}
        self._count = 0

    def line(self, text: str, about: About | None = None) -> None:
        """One line at the present depth."""
        self.lines.append("    " * self.depth + text)
        if about is not None:
            self._about[len(self.lines)] = about

    def fresh(self, prefix: str) -> str:
        """A name that nothing else has."""
        self._count += 1
        return f"{prefix}{self._count}"

    def constant(self, value: Any) -> str:
        """A name for a value that the generated code uses."""
        name = self.fresh("_c")
        self.names[name] = value
        return name

    def use(self, names: Mapping[str, Any]) -> None:
        """Makes the names that a format's code needs known. One name is one thing."""
        for name, value in names.items():
            held = self.names.setdefault(name, value)
            assert held is value or held == value, f"two things are called {name} in {self.name}"

    def finish(self) -> tuple[Callable[..., Any], str]:
        """The function `mapped`, and its source for people."""
        source = "\n".join(self.lines) + "\n"
        compiled = compile(source, f"<map {self.name}>", "exec")
        space = dict(self.names)
        exec(compiled, space)  # noqa: S102 - our own generated source; values of texts enter it only as literals
        made: Callable[..., Any] = space["mapped"]
        space["_fault"] = self._fault(made.__code__)
        return made, source

    def _fault(self, code: CodeType) -> Callable[[Exception], BusError]:
        about = dict(self._about)

        def fault(error: Exception) -> BusError:
            line, held = _frame(error.__traceback__, code)
            found = about.get(line) or About("")
            why = error.why if isinstance(error, Unfit) else "a value of an unexpected form"
            places = {path: len(held.get(variable, ())) for path, variable in found.lists}
            target = _placed(found.target, places)
            source = f", from {found.source}" if found.source else ""
            return BusError(Code.VALIDATION_FAILED, f"{target}: {why}{source}", spot=found.spot or target)

        return fault


def _frame(traceback: TracebackType | None, code: CodeType) -> tuple[int, Mapping[str, Any]]:
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            return traceback.tb_lineno, traceback.tb_frame.f_locals
        traceback = traceback.tb_next
    return 0, {}


def _placed(target: str, places: dict[str, int]) -> str:
    """`items.code` as `items[2].code`: the entry that could not be made."""
    for path, place in reversed(places.items()):  # the innermost first: its path is not changed yet
        if target == path or target.startswith(path + "."):
            target = f"{path}[{place}]{target[len(path) :]}"
    return target
