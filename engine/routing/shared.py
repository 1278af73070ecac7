"""Work that several wait for at once: done once, held by the supervisor, ended for all."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from engine.base.errors import BusError, Code
from engine.base.tasks import Supervisor

T = TypeVar("T")


class Shared(Generic[T]):
    """Pieces of work under way by their keys. Whoever began one may leave: it goes on for the others."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._under_way: dict[Hashable, asyncio.Task[T | BusError]] = {}

    def under_way(self, key: Hashable) -> bool:
        """Whether somebody's work of this key can be waited for."""
        return key in self._under_way

    async def get(self, key: Hashable, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the work of this key comes to, begun now where none is under way. It bounds its own time, so whoever
        comes later waits less. Raises what it raised (BusError), and BUSY where the bus stops meanwhile.
        """
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = self._supervisor.once(name, _ended(work()))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        try:
            found = await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise BusError(Code.BUSY, "stopping") from None
            raise
        if isinstance(found, BusError):
            raise found.with_traceback(None)
        return found


async def _ended(work: Coroutine[Any, Any, T]) -> T | BusError:
    """An answer in either case: an error that a caller is told is no failure of the task."""
    try:
        return await work
    except BusError as error:
        return error
