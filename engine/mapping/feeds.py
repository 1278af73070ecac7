"""Kinds of messages that are read on from a cursor: `feed:` and `empty:` of an incoming kind."""

from collections.abc import Callable, Collection, Mapping

from engine.base.where import Where
from engine.contract import Adapter
from engine.mapping.compile import Map
from engine.mapping.scope import ShapeReader
from engine.mapping.shapes import Document
from engine.model import Context, Effect, Outgoing, Shape
from engine.settings.problems import Problems

DAY = "day"
"""What `empty:` reads as `$day`: the business day, which is the day before the run's."""

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


def reader(settings: Collection[str]) -> ShapeReader:
    """What `empty:` may read: there is no document, only what the bus and the site know."""
    return ShapeReader(_NOTHING, (*settings, DAY))


def maker(empty: Map) -> Callable[[Context], Shape]:
    """What makes the message of a run that found nothing."""
    return lambda context: empty.run({}, context)
