"""What the channel's entrance calls: an operation that changes something is a call, every other one a read."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from engine.base.errors import BusError, Code
from engine.model import Asked, Served
from engine.routing.release import Releases

Serve: TypeAlias = Callable[[Asked], Awaitable[Served]]
"""What the route of an operation answers. Raises BusError, with `backend` where a system said no."""


def serving(releases: Releases, reads: Serve, calls: Serve) -> Serve:
    """Serves each operation the way its route goes."""

    async def serve(asked: Asked) -> Served:
        route = releases.current.routes.get(asked.operation)
        if route is None:
            raise BusError(Code.UNSUPPORTED_MESSAGE, "no route serves this operation")
        return await (reads if route.answer is None else calls)(asked)

    return serve
