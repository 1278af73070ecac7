"""How many deliveries this node holds in memory: the journal asks before it claims one on the way."""

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Line:
    size: int
    open: Callable[[], bool]
    held: int = 0
    refused: bool = False


class Rooms:
    """The journal's `Room`. Asked from the writer's thread and from the loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}

    def add(self, system: str, size: int, is_open: Callable[[], bool]) -> None:
        """Opens room for `size` deliveries of a system, taken only while `is_open()`. Called again, it changes that."""
        with self._lock:
            before = self._lines.get(system)
            self._lines[system] = _Line(size, is_open, before.held if before else 0)

    def close(self, system: str) -> None:
        """Takes none any more; what is held is given back as ever."""
        with self._lock:
            self._lines[system].size = 0

    def take(self, system: str) -> bool:
        """One more, if there is room. What is refused stays in the journal, and `wanted` says so."""
        with self._lock:
            line = self._lines.get(system)
            if line is None:
                return False
            if line.held >= line.size or not line.open():
                line.refused = True
                return False
            line.held += 1
            return True

    def give(self, system: str) -> None:
        """One less."""
        self.give_back(system, 1)

    def reserve(self, system: str) -> int:
        """Takes all the room that is left, for a claim; what the claim does not use is given back."""
        with self._lock:
            line = self._lines[system]
            free = max(0, line.size - line.held)
            line.held += free
            line.refused = free == 0
            return free

    def give_back(self, system: str, count: int) -> None:
        """Gives back what was reserved or held."""
        with self._lock:
            self._lines[system].held -= count

    def held(self, system: str) -> int:
        """Deliveries of a system in this node's hands."""
        return self._lines[system].held

    def full(self, system: str) -> bool:
        """Whether no more fits: whoever leaves next asks the journal for more."""
        line = self._lines[system]
        return line.held >= line.size

    def wanted(self, system: str) -> bool:
        """Whether some were refused since the last claim, and there is room for at least half a load again."""
        line = self._lines[system]
        return line.refused and line.held * 2 <= line.size
