"""The callers of this node that wait for an answer, and what wakes them: commits of this node.

What another node commits wakes nobody here; whoever waits beside other nodes looks for himself.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Waiter:
    """One message's caller."""

    parked: bool = False
    """What he waits for has become a person's turn."""
    held: bool = False
    """The line in which his message stands may be held by a doubt."""
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """There may be something to hear."""
        self._bell.set()

    async def woken(self, seconds: float) -> None:
        """Returns when there may be something to hear, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return
        self._bell.clear()


class Waiting:
    """All who wait, by message and by the lines in which their messages may have to stand."""

    def __init__(self) -> None:
        self._by_message: dict[int, Waiter] = {}
        self._by_line: dict[str, list[Waiter]] = {}

    @contextmanager
    def stand(self, seq: int, lines: Sequence[str]) -> Iterator[Waiter]:
        """Waits for a message whose first steps stand in these lines."""
        waiter = self._by_message[seq] = Waiter()
        for line in lines:
            self._by_line.setdefault(line, []).append(waiter)
        try:
            yield waiter
        finally:
            del self._by_message[seq]
            for line in lines:
                self._by_line[line].remove(waiter)
                if not self._by_line[line]:
                    del self._by_line[line]

    def answered(self, seq: int) -> None:
        """The message's answer is committed."""
        if waiter := self._by_message.get(seq):
            waiter.wake()

    def parked(self, seq: int) -> None:
        """A step that leads to the message's answer is parked."""
        if waiter := self._by_message.get(seq):
            waiter.parked = True
            waiter.wake()

    def held(self, line: str) -> None:
        """Somebody in this line is in doubt, or parked."""
        for waiter in self._by_line.get(line, ()):
            waiter.held = True
            waiter.wake()
