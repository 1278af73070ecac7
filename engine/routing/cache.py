"""Answers of reads, kept in memory to be given again. Nothing of it is ever on disk, and it ends with the process."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import orjson

from engine.base.clock import Clock
from engine.model import Served

ENTRIES = 20_000
SIZE = 32 * 1024 * 1024
"""Bytes of answers as JSON; as objects they take about four times that."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, and when it was given by the systems behind."""

    served: Served
    at: int
    """Microseconds UTC."""
    moment: float
    """The same on the clock that never runs backwards."""
    size: int


class Cache:
    """The answers used last: never more than `entries`, nor more than `size` bytes."""

    def __init__(self, clock: Clock, entries: int = ENTRIES, size: int = SIZE) -> None:
        self._clock = clock
        self._entries = entries
        self._size = size
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Kept | None:
        """What is kept under this key, however old."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def age(self, kept: Kept) -> float:
        """Seconds since it was given."""
        return self._clock.monotonic() - kept.moment

    def put(self, key: Hashable, served: Served) -> None:
        """Keeps an answer, and forgets those unused for longest. One that is larger than all of it is not kept."""
        self.forget(key)
        size = len(orjson.dumps(served.value, default=str))
        if size > self._size:
            return
        self._kept[key] = Kept(served, self._clock.now(), self._clock.monotonic(), size)
        self.bytes += size
        while len(self._kept) > self._entries or self.bytes > self._size:
            self.forget(next(iter(self._kept)))

    def forget(self, key: Hashable) -> None:
        """Lets go of one answer."""
        if kept := self._kept.pop(key, None):
            self.bytes -= kept.size
