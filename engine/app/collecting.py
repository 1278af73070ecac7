"""What a person asks for with `hisbus collect`: the schedule of a route, run now."""

from collections.abc import Mapping
from typing import Any, Protocol

from engine.app.control import Handler
from engine.routing.schedule import Schedules


class Running(Protocol):
    """What is needed of the bus."""

    schedules: Schedules


def collecting(bus: Running) -> Handler:
    """The command: gets `route` and perhaps `campus`, gives what each source came to once all have ended."""

    async def collect(asked: Mapping[str, Any]) -> Any:
        campus = asked.get("campus")
        runs = await bus.schedules.collect(str(asked.get("route")), str(campus) if campus else None)
        return [
            {
                "source": run.asked.source,
                "campus": run.asked.campus,
                "found": run.found.count,
                "refused": run.found.refused,
                "code": run.code,
            }
            for run in runs
        ]

    return collect
