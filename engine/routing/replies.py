"""Which earlier replies a step reads. Who ends a step for the system behind must know what it would have said."""

from collections.abc import Collection, Iterator, Mapping

from engine.mapping import grammar
from engine.mapping.compile import Map
from engine.model import Outgoing
from engine.settings.routes import Step as StepText


def replies_read(
    text: StepText, profile: str, operation: Outgoing | None, maps: Mapping[str, Map], steps: Collection[str]
) -> frozenset[str]:
    """Those of `steps` whose reply is read by a step's `when`, by its `each`, or by what makes its call.

    `maps` are the library's by name; `profile` that of the system it calls, `operation` None where it calls none.
    """
    read = set(_named(_paths(text.when))) | set(_named([text.each or ""]))
    for name in _makers(text, profile, operation):
        read |= maps[name].replies if name in maps else frozenset()
    return frozenset(read.intersection(steps))


def _makers(text: StepText, profile: str, operation: Outgoing | None) -> Iterator[str]:
    """The maps that read the route's scope: the one between, else those of the operation and of what asks about it."""
    if text.map is not None:
        yield f"between.{text.map}"
    elif operation is not None:
        asked = [operation.ask.by] if operation.ask is not None else []
        for name in (operation.name, *asked):
            yield f"{profile} outgoing.{name}.request"
            yield f"{profile} outgoing.{name}.address"


def _named(paths: list[str]) -> Iterator[str]:
    for path in paths:
        name, *rest = path.split(".")
        if rest[:1] == ["reply"]:
            yield name


def _paths(words: str | None) -> list[str]:
    try:
        return [test.path.text for test in grammar.test(words)] if words is not None else []
    except grammar.GrammarError:
        return []  # said where the condition is compiled
