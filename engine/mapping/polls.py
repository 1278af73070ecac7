"""Kinds of messages that a system is asked for: `poll:` of an incoming kind, compiled."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.asking import Poll
from engine.formats import dotted
from engine.formats.format import PathError
from engine.mapping.shapes import Document, ShapeField, entry, misfit
from engine.mapping.shelf import Shelf, place
from engine.mapping.texts import OutgoingText, PollText
from engine.settings.nodes import Node

WINDOW = {
    "from": ShapeField("from", "instant", says="Beginning of the time that is asked for."),
    "to": ShapeField("to", "instant", says="Its end."),
    "campus": ShapeField("campus", "text", says="The campus that is asked about."),
}
"""The document that a poll's operation gets."""


def compiled(
    text: PollText, node: Node, gives: Document | None, outgoing: Mapping[str, OutgoingText], shelf: Shelf
) -> Poll | None:
    """How a kind is asked for. `node`: its `poll:` block; `gives`: its shape. None: findings stand in the way."""
    asked = outgoing.get(text.by)
    if asked is None:
        shelf.problems.unknown(place(node, "by"), "operation", text.by, outgoing)
        return None
    if asked.effect != "none":
        shelf.problems.add(place(node, "by"), f"{text.by!r} changes something: it cannot be asked again and again")
    takes = shelf.documents.get(asked.takes or "")
    if takes is not None and (wrong := misfit(WINDOW, takes.fields)):
        what = f"{text.by!r} is asked with from, to and campus: {wrong}"
        shelf.problems.add(place(node, "by"), what, "its shape has these fields, and needs no other")
    items = _items(text.each, place(node, "each"), shelf.documents.get(asked.gives or ""), gives, shelf)
    return Poll(text.by, items, text.back, text.ahead) if items is not None else None


def _items(
    path: str, where: Any, reply: Document | None, gives: Document | None, shelf: Shelf
) -> Callable[[Any], Sequence[Any]] | None:
    if reply is None:
        shelf.problems.add(where, "what is asked gives no shape, so it has no list", "write gives: in the operation")
        return None
    try:
        found = reply.at(path)
    except PathError as error:
        shelf.problems.add(where, error.what, error.hint)
        return None
    if found.kind != "list" or found.of is not None:
        shelf.problems.add(where, f"{path!r} is no list of objects", "each: names a list whose entries have fields")
        return None
    if gives is not None and (wrong := misfit(entry(found).fields, gives.fields)):
        shelf.problems.add(where, f"an entry of {path} is no {gives.name}: {wrong}")
    code = dotted.each(path)
    items: Callable[[Any], Sequence[Any]] = eval(  # noqa: S307 - our own compiled path
        "lambda d: " + code.code.replace("{d}", "d"), dict(code.names)
    )
    return items
