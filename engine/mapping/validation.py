"""What is built, held against the models of its standard, where an operation asks for it."""

import zlib
from collections.abc import Callable
from typing import Any, TypeAlias

from engine.formats.format import Format, Validating
from engine.mapping.shelf import place
from engine.model import Context
from engine.settings.nodes import Node
from engine.settings.problems import Problems

Check: TypeAlias = Callable[[Any, Context], None]

_ONE_OF = 50
"""`sample`: one delivery of so many, the same ones on every attempt."""


def check(asked: str, wire: Format, node: Node, problems: Problems) -> Check | None:
    """What looks at a body before it goes, by `validate: always | sample | never`; a format that has no models for
    it is a finding. It raises BusError as the format does.
    """
    if asked == "never":
        return None
    if not isinstance(wire, Validating):
        what = f"format {wire.name!r} has no models to validate by"
        problems.add(place(node, "validate"), what, "leave validate out: what is built is checked by its examples")
        return None
    if asked == "always":
        return lambda body, _context: wire.validate(body)

    def sample(body: Any, context: Context) -> None:
        if zlib.crc32(str(context.values.get("token")).encode()) % _ONE_OF == 0:
            wire.validate(body)

    return sample
