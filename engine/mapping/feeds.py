"""Kinds of messages that are read on from a cursor: `feed:` and `empty:` of an incoming kind."""

from collections.abc import Callable, Collection, Mapping

from engine.base.where import Where
from engine.contract import Adapter
from engine.mapping.compile import Map
from engine.mapping.scope import ShapeReader
from engine.mapping.shapes import Document
from engine.mapping.shelf import Shelf
from engine.model import Context, Effect, Outgoing, Shape
from engine.settings.problems import Problems

DAY = "day"
"""What `empty:` reads as `$day`: the business day, which is the day before the run's."""

COUNT = "count"
"""The field in which an operation that is asked with `day` says how many there should be."""

_NOTHING = Document("run that found nothing", {})


def check(by: str, where: Where, adapter: Adapter, outgoing: Mapping[str, Outgoing], problems: Problems) -> None:
    """Notes why an operation is none that can be read on."""
    asked = outgoing.get(by)
    if asked is None:
        problems.unknown(where, "operation", by, outgoing)
        return
    if adapter.feed is None or adapter.feeds is None:
        problems.add(where, f"{adapter.name} cannot be read on from a cursor", "write poll:")
    elif asked.options is not None and not adapter.feeds(asked.options):
        problems.add(where, f"{by!r} says no cursor to go on from", f"write it in the operation, under {adapter.name}:")
    if asked.effect is not Effect.NONE:
        problems.add(where, f"{by!r} changes something: it cannot be read again and again", "write effect: none")


def check_count(by: str, where: Where, outgoing: Mapping[str, Outgoing], shelf: Shelf) -> None:
    """Notes why an operation is none that says how many messages there should be of a day."""
    asked = outgoing.get(by)
    if asked is None:
        shelf.problems.unknown(where, "operation", by, outgoing)
        return
    if asked.effect is not Effect.NONE:
        shelf.problems.add(
            where, f"{by!r} changes something: it cannot be asked whenever somebody looks", "write effect: none"
        )
    takes, gives = (shelf.documents.get(shape or "") for shape in (asked.takes, asked.gives))
    if takes is None or DAY not in takes.fields:
        shelf.problems.add(where, f"{by!r} takes no day", "let it take a shape with a field day")
    if gives is None or COUNT not in gives.fields:
        shelf.problems.add(where, f"{by!r} gives no count", "let it give a shape with a field count")


def reader(settings: Collection[str]) -> ShapeReader:
    """What `empty:` may read: there is no document, only what the bus and the site know."""
    return ShapeReader(_NOTHING, (*settings, DAY))


def maker(empty: Map) -> Callable[[Context], Shape]:
    """What makes the message of a run that found nothing."""
    return lambda context: empty.run({}, context)
