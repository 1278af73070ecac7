"""Versions: which of a thing that comes in versions was seen last, whatever order they come in.

A report's correction may overtake the report itself on its way here. Whoever tells people about it asks first whether
what he holds is still the newest; what the report store does about it is the store's own matter.
"""

from datetime import datetime

from engine.model import Effect, Shape
from engine.registry.look import Look
from engine.registry.operation import Asked, Operation

_NEWEST = "newest_version"


async def newest(asked: Asked, look: Look) -> Shape:
    """Whether none newer was seen before; then this one is the newest. The same one again is newest still."""
    key = asked.here(asked.document["of"])
    seen = await look.one(_NEWEST, key)
    mine = _order(asked.document["version"], asked.document.get("rank", 0))
    if seen is not None and mine < _order(seen["version"], seen["rank"]):
        return {"newest": False}
    value = {"version": asked.document["version"], "rank": asked.document.get("rank", 0)}
    look.write(_NEWEST, key, value, until=asked.after(asked.registry.versions))
    return {"newest": True}


def _order(version: str, rank: int) -> tuple[datetime, int]:
    return datetime.fromisoformat(version), rank


OPERATIONS = (
    Operation(
        "newest",
        "Whether no newer version of the same thing was seen before; then this one is it.",
        "version_try",
        "version_seen",
        Effect.CHANGE,
        newest,
    ),
)
