"""Long-lived tasks, held and watched (decision 17).

A task that nothing refers to can be collected under load and work stops without a word. Every task
of the bus is started here, has a name, is kept until it ends, and is restarted when it fails.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.base import log

_log = log.get("tasks")
_PAUSES = (0.1, 0.5, 2.0, 10.0)


class Supervisor:
    """Starts, names, watches and restarts the tasks of one running bus."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._restarts: dict[str, int] = {}
        self._failing: set[str] = set()
        self._stopping = False

    def keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Runs `work()` for ever: when it raises, it is said and run again after a growing pause."""
        return self._hold(name, self._again(name, work))

    def once(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs one piece of work to its end; it is held meanwhile, and its failure is said."""
        return self._hold(name, work)

    @property
    def restarts(self) -> dict[str, int]:
        """How often each kept task failed: `/readyz` and `/metrics` say it."""
        return dict(self._restarts)

    @property
    def failing(self) -> list[str]:
        """Kept tasks that have failed and wait to be run again."""
        return sorted(self._failing)

    @property
    def names(self) -> list[str]:
        """The tasks that run now."""
        return sorted(task.get_name() for task in self._tasks)

    async def stop(self, grace: float) -> None:
        """Lets single pieces of work end for `grace` seconds, then cancels everything."""
        self._stopping = True
        mine = {task for task in self._tasks if task is not asyncio.current_task()}
        for task in mine:
            if task.get_name() in self._restarts:
                task.cancel()
        if mine:
            await asyncio.wait(mine, timeout=grace)
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    def _hold(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task_failed", task=task.get_name(), error=type(error).__name__)

    async def _again(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._restarts[name] = 0
        while not self._stopping:
            try:
                await work()
                return
            except Exception as error:  # noqa: BLE001 - whatever it was, the task must live on and say so
                count = self._restarts[name] = self._restarts[name] + 1
                _log.error("task_restarted", task=name, error=type(error).__name__, restarts=count)
                self._failing.add(name)
                try:
                    await asyncio.sleep(_PAUSES[min(count, len(_PAUSES)) - 1])
                finally:
                    self._failing.discard(name)
