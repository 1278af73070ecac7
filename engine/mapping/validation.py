"""What is built, held against the models of its standard, where an operation asks for it."""

import zlib
from collections.abc import Callable
from typing import TypeAlias

from engine.formats.format import Format, Validating
from engine.mapping.shelf import place
from engine.mapping.texts import OutgoingText
from engine.model import Built, Context
from engine.settings.nodes import Node
from engine.settings.problems import Problems

Look: TypeAlias = Callable[[Built], None]
Check: TypeAlias = Callable[[Context], Look | None]

_ONE_OF = 50
"""`sample`: one delivery of so many, the same ones on every attempt."""


def check(text: OutgoingText, wire: Format, node: Node, problems: Problems) -> Check | None:
    """`Outgoing.check`, by `validate: always | sample | never`; a format that has no models for it is a finding."""
    asked = text.validate_
    if asked == "never" or not text.request:
        return None
    if not isinstance(wire, Validating):
        what = f"format {wire.name!r} has no models to validate by"
        problems.add(place(node, "validate"), what, "leave validate out: what is built is checked by its examples")
        return None

    def look(built: Built) -> None:
        assert isinstance(built.body, bytes), "a format with models makes bytes"
        wire.validate(built.body)

    return lambda context: look if asked == "always" or _sampled(context) else None


def held(check: Check | None, built: Built, context: Context) -> Built:
    """The same, held against its models here and now: for examples and for people, not for what flows."""
    look = check(context) if check is not None else None
    if look is not None:
        look(built)
    return built


def _sampled(context: Context) -> bool:
    return zlib.crc32(str(context.values.get("token")).encode()) % _ONE_OF == 0
