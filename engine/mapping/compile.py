"""The compiler's front: maps, tests and single values, from nodes of texts to functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from engine.formats.format import NULL
from engine.mapping.code import Coder
from engine.mapping.emit import FOREIGN, About, Emitter
from engine.mapping.functions.kind import Setup, Unfit
from engine.mapping.scope import Reader, Scope, ShapeReader
from engine.mapping.sources import Sources
from engine.mapping.writers import Writer
from engine.model import Context
from engine.settings.nodes import Node
from engine.settings.problems import Problems

Tell: TypeAlias = Callable[[str, str, Any], None]
"""Told of every field: its target, its source, its value (None: nothing)."""

NO_CONTEXT = Context(received=None, now=None)
"""For replies and tests, which mean the same at any time."""

_PLAIN = Setup(ZoneInfo("UTC"))
"""Tests use no functions: no zone and no table is looked at."""


@dataclass(frozen=True, slots=True)
class Map:
    """A compiled map."""

    run: Callable[[Any, Context], Any]
    """Pure. Raises BusError(VALIDATION_FAILED, field, spot)."""
    trace: Callable[[Any, Context, Tell], Any]
    """The same, telling every field on the way."""
    source: str
    """The generated function, as `hisbus explain` shows it."""
    replies: frozenset[str] = frozenset()
    """Steps of a route whose replies it reads."""


def compile_map(name: str, fields: Node, reader: Reader, writer: Writer, setup: Setup, problems: Problems) -> Map:
    """The map of a text's fields. Findings go to `problems`; a map with findings must not be used."""
    run, source = Coder(name, reader, writer, setup, problems).code(fields)

    def trace(document: Any, context: Context, told: Tell) -> Any:
        traced, _ = Coder(name, reader, writer, setup, Problems(), trace=True).code(fields)
        return traced(document, context, told)

    replies = frozenset(reader.replies) if isinstance(reader, ShapeReader) else frozenset()
    return Map(run, trace, source, replies)


def compile_test(node: Node | None, reader: Reader, problems: Problems) -> Callable[[Any, Context], bool]:
    """A `when` as a function of a document; always true where none is written. It never raises: what cannot be
    compared is not equal.
    """
    out = _begin("test")
    test = Sources(out, reader, _PLAIN, problems).test(node, Scope())
    out.line(f"return {test}")
    return _end(out, "return False")


def compile_value(node: Node, reader: Reader, setup: Setup, problems: Problems) -> Callable[[Any, Context], Any]:
    """One value (`patient.id`, `booking_no or order_no | upper`) as a function of a document; None for nothing.
    Raises BusError(VALIDATION_FAILED) where a function refuses the value.
    """
    out = _begin("value")
    sources = Sources(out, reader, setup, problems)
    about = About(str(node.value), spot=str(node.value))
    value = sources.parse(node) if isinstance(node.value, str) else None
    if value is None or not sources.read(value, node, Scope(), about):
        out.line("v = None")
    out.line(f"return None if {sources.nothing} else v")
    return _end(out, "raise _fault(error) from None")


def _begin(name: str) -> Emitter:
    out = Emitter(name)
    out.names |= {"_Unfit": Unfit, "_FOREIGN": (Unfit, *FOREIGN), "_NULL": NULL}
    out.line("def mapped(doc, ctx):")
    out.depth = 1
    out.line("try:")
    out.depth = 2
    return out


def _end(out: Emitter, otherwise: str) -> Callable[[Any, Context], Any]:
    out.depth = 1
    out.line("except _FOREIGN as error:")
    out.line(f"    {otherwise}")
    return out.finish()[0]
