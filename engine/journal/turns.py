"""Who came first in a line stays first, though what it brings takes several commits to store.

A large body is stored in parts before its message (bodies.py). Whoever comes after it in one of its lines
waits for it; nobody else does, and nobody waits while there is none.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager


class Turns:
    """The lines in which something slow is under way. All on the loop."""

    def __init__(self) -> None:
        self._standing: dict[bytes, list[asyncio.Future[None]]] = {}

    def held(self, lanes: Collection[bytes | None]) -> bool:
        """Whether somebody slow stands in one of these lines."""
        return bool(self._standing) and not self._standing.keys().isdisjoint(lanes)

    @contextmanager
    def stand(self, lanes: Collection[bytes | None]) -> Iterator[list["asyncio.Future[None]"]]:
        """Stands in these lines until the block ends; gives all who stood there before and must end first."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        named = {lane for lane in lanes if lane is not None}
        before = [other for lane in named for other in self._standing.get(lane, ())]
        for lane in named:
            self._standing.setdefault(lane, []).append(mine)
        try:
            yield before
        finally:
            mine.set_result(None)
            for lane in named:
                self._standing[lane].remove(mine)
                if not self._standing[lane]:
                    del self._standing[lane]
