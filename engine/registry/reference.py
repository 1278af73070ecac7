"""The reference page of the local systems, made from their operations."""

from collections.abc import Iterator

from engine.model import Effect
from engine.registry.systems import operations


def markdown() -> str:
    """A row for each operation."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from (
        "# Local systems",
        "",
        "What `to: registry.…` and `to: rules.…` can do; how: [local-systems.md](../local-systems.md).",
    )
    yield from (
        "",
        "| operation | what it does | takes | gives | changes something | says no with |",
        "|---|---|---|---|---|---|",
    )
    for name, one in operations():
        changes = "" if one.effect is Effect.NONE else "yes"
        refuses = ", ".join(f"`{code.name}`" for code in one.refuses)
        yield f"| `{name}` | {one.says} | `{one.takes}` | `{one.gives}` | {changes} | {refuses} |"
