"""Versions: which of a thing that comes in versions was seen last, whatever order they come in.

A report's correction may overtake the report itself on its way here. Whoever tells people about it asks first whether
what he holds is still the newest; what the report store does about it is the store's own matter. Who keeps the parts
of a report one by one also asks which of them are gone: a correction says only what there is now.
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
    version, rank = asked.document["version"], asked.document.get("rank", 0)
    parts = {part["id"]: part.get("name", "") for part in asked.document.get("parts", ())}
    before: dict[str, str] = {}
    earlier = False
    if seen is not None:
        last = _order(seen["version"], seen["rank"])
        if _order(version, rank) < last:
            return {"newest": False}
        before = seen.get("parts", {})
        earlier = last < _order(version, rank) or seen.get("earlier", False)
    value = {"version": version, "rank": rank, "earlier": earlier, "parts": before | parts}
    look.write(_NEWEST, key, value, until=asked.after(asked.registry.versions))
    gone = [{"id": part, "name": name} for part, name in before.items() if part not in parts]
    return {"newest": True, "earlier": earlier, "gone": gone}


def _order(version: str, rank: int) -> tuple[datetime, int]:
    return datetime.fromisoformat(version), rank


OPERATIONS = (
    Operation(
        "newest",
        "Whether no newer version of the same thing was seen before; then this one is it. Names the parts it lacks.",
        "version_try",
        "version_seen",
        Effect.CHANGE,
        newest,
    ),
)
