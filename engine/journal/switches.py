"""Which release of the texts came into force where, when, by whom: the journal remembers the last few hundred times.

One rider of the journal holds them all, for every node, and each is added in its place: two nodes that switch at once
are both remembered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Protocol, Self

import orjson

RIDER = "releases/in_force"

_KEPT = 500


class How(Enum):
    """What put a release in force."""

    START = "start"
    RELOAD = "reload"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Switch:
    """One time that a release came into force on a node."""

    at: int
    """Microseconds UTC."""
    node: str
    release: str
    how: How
    who: str = ""
    reason: str = ""
    left: str = ""
    """A rollback's: the release that was left, whose texts a start no longer takes by itself."""


@dataclass(frozen=True, slots=True)
class Switches:
    """All that are remembered, oldest first."""

    every: Sequence[Switch] = ()

    @classmethod
    def read(cls, text: str | None) -> Self:
        """From the rider; None: there was none yet."""
        return cls(tuple(Switch(**{**one, "how": How(one["how"])}) for one in orjson.loads(text or "[]")))

    def write(self) -> str:
        return orjson.dumps([asdict(one) for one in self.every]).decode()

    def then(self, switch: Switch) -> Self:
        """With one more; the oldest are forgotten, but never the last one of a node."""
        lasts = {one.node: one for one in self.every}
        old = [one for one in self.every[: max(0, len(self.every) - _KEPT)] if one is lasts[one.node]]
        return type(self)((*old, *self.every[-_KEPT:], switch))

    def in_force(self) -> Mapping[str, str]:
        """Node to the release that it put in force last."""
        return {one.node: one.release for one in self.every}

    def withdrawn(self, release: str) -> Switch | None:
        """The rollback from a release, unless somebody put it in force again since."""
        for one in reversed(self.every):
            if one.left == release:
                return one
            if one.release == release and one.how is not How.START:
                return None
        return None

    def before(self, node: str) -> str | None:
        """The release that a node had before the one it has now, and that nobody has rolled back from."""
        now = self.in_force().get(node)
        former = (one.release for one in reversed(self.every) if one.node == node and one.release != now)
        return next((release for release in former if self.withdrawn(release) is None), None)

    def ended(self, release: str) -> int | None:
        """Since when a release is in force nowhere; None: it is, or nobody remembers that it was."""
        ends = list(self._ends(release))
        return None if None in ends else max((end for end in ends if end is not None), default=None)

    def _ends(self, release: str) -> Iterator[int | None]:
        for node, in_force in self.in_force().items():
            mine = [one for one in self.every if one.node == node]
            times = [place for place, one in enumerate(mine) if one.release == release]
            if in_force == release:
                yield None
            elif times:
                yield mine[times[-1] + 1].at


class Remembers(Protocol):
    """What is needed of the journal."""

    async def rider(self, name: str) -> str | None: ...
    async def take(self, name: str, seen: str | None, value: str) -> bool: ...


async def recall(journal: Remembers) -> Switches:
    """What the journal remembers now."""
    return Switches.read(await journal.rider(RIDER))


async def remember(journal: Remembers, switch: Switch) -> None:
    """Adds a switch; returns once it is durable."""
    while True:
        seen = await journal.rider(RIDER)
        if await journal.take(RIDER, seen, Switches.read(seen).then(switch).write()):
            return
