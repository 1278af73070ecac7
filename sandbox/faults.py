"""Switchable faults: what can be made to go wrong, where, how often.

A fault belongs to one system (`gateway`, a sender such as `lis-main`, a trade such as `his.LockOrder`) or a whole group
(`lis`, `pacs`, `his`), acts on every call, each so many-th (`every`) or with a chance, for the next `times` calls or
until it is switched off. Faults live in memory: a restarted
hospital is healthy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

ANSWERING = {
    "delay": "answers after `amount` seconds",
    "silence": "reads, does nothing, answers nothing for `amount` seconds (default 3600), then hangs up",
    "reset_before": "resets the connection before reading the body; nothing is done",
    "reset_after": "reads the body, does nothing, resets the connection",
    "half_reply": "does the work, sends half of the answer, then hangs up",
    "duplicate_reply": "does the work, sends the answer twice",
    "refusal": "answers that it is busy; nothing is done",
    "wrong_charset": "does the work, answers in GBK while saying UTF-8",
    "clock_skew": "its clock is `amount` seconds ahead (negative: behind)",
    "done_but_no_answer": "does the work, waits `amount` seconds (default 0), resets the connection without an answer",
    "down": "the port is closed and open connections are cut",
}
SENDING = {
    "delay": "waits `amount` seconds before it sends",
    "fragment": "writes the frame in pieces of `amount` bytes (default 7)",
    "pipeline": "writes up to `amount` frames (default 8) before it waits for an answer",
    "garbage": "writes stray bytes before the frame",
    "missing_cr": "leaves out the CR after the end block; the peer sees the end when the next frame starts",
    "double": "writes the same frame twice",
    "half": "writes half of the frame, then resets the connection",
    "reset_after": "writes the frame and resets the connection without reading the answer",
    "deaf": "never hears the answer: waits its time out and sends again",
    "wrong_charset": "declares one character set and writes another",
    "clock_skew": "MSH-7 is `amount` seconds ahead (negative: behind)",
    "down": "sends nothing and hangs up",
}
_LASTING = {"down", "pipeline"}  # states of a system, not events of one call


@dataclass(slots=True)
class Fault:
    """One switched-on fault; `left` counts the calls it still meets (None: until switched off)."""

    id: int
    system: str
    kind: str
    amount: float | None = None
    chance: float = 1.0
    left: int | None = None
    used: int = 0
    every: int = 1  # meets each so many-th call only
    seen: int = 0


class Drawn(dict[str, Fault]):
    """The faults that meet one call, by kind."""

    def amount(self, kind: str, default: float) -> float:
        """The amount of a fault that was drawn, or 0 where it was not."""
        if kind not in self:
            return 0
        given = self[kind].amount
        return default if given is None else given

    @property
    def names(self) -> str:
        return " ".join(sorted(self))


class FaultBoard:
    """All faults of the hospital; whoever listens is told after each change."""

    def __init__(self, systems: dict[str, tuple[str, dict[str, str]]], seed: int) -> None:
        """`systems`: name to (its group, its kinds of fault)."""
        self._systems = systems
        self._rng = Random(seed)
        self._ids = count(1)
        self._faults: dict[int, Fault] = {}
        self._listeners: list[Callable[[], None]] = []

    def listen(self, told: Callable[[], None]) -> None:
        self._listeners.append(told)

    def add(self, wish: dict[str, Any]) -> Fault:
        """Switches a fault on; ValueError says what is wrong with the wish."""
        unknown = set(wish) - {"system", "kind", "amount", "chance", "times", "every"}
        if unknown:
            raise ValueError(f"unknown field {', '.join(sorted(unknown))}")
        system, kind = str(wish.get("system", "")), str(wish.get("kind", ""))
        kinds = self.kinds(system)
        if kind not in kinds:
            raise ValueError(f"{system} has no fault {kind!r}; it has {', '.join(kinds)}")
        amount, times = wish.get("amount"), wish.get("times")
        chance = float(wish.get("chance", 1.0))
        if not 0 < chance <= 1:
            raise ValueError("chance lies above 0 and up to 1")
        every = int(wish.get("every") or 1)
        if every < 1:
            raise ValueError("every is 1 or more")
        if kind in _LASTING and (chance < 1 or times is not None or every > 1):
            raise ValueError(f"{kind} is on until it is switched off: it takes no chance, no times and no every")
        fault = Fault(
            id=next(self._ids),
            system=system,
            kind=kind,
            amount=None if amount is None else float(amount),
            chance=chance,
            left=None if times is None else int(times),
            every=every,
        )
        self._faults[fault.id] = fault
        self._tell()
        return fault

    def kinds(self, system: str) -> dict[str, str]:
        """The kinds of fault a system or a group can have."""
        for name, (group, kinds) in self._systems.items():
            if system in (name, group):
                return kinds
        raise ValueError(f"no system {system!r}; there are {', '.join(self.names)}")

    @property
    def names(self) -> list[str]:
        groups = {group for group, _ in self._systems.values()}
        return sorted(groups | set(self._systems))

    def remove(self, number: int | None = None) -> int:
        """Switches one fault off, or all of them; gives how many."""
        gone = [number] if number is not None and number in self._faults else []
        gone = list(self._faults) if number is None else gone
        for one in gone:
            del self._faults[one]
        self._tell()
        return len(gone)

    def active(self) -> list[Fault]:
        return list(self._faults.values())

    def draw(self, system: str) -> Drawn:
        """The faults that meet the next call of a system; counts are used up."""
        drawn = Drawn()
        for fault in self._of(system):
            if fault.kind in _LASTING or fault.kind in drawn:
                continue
            fault.seen += 1
            if fault.seen % fault.every or self._rng.random() >= fault.chance:
                continue
            fault.used += 1
            if fault.left is not None:
                fault.left -= 1
                if fault.left <= 0:
                    del self._faults[fault.id]
            drawn[fault.kind] = fault
        return drawn

    def down(self, system: str) -> bool:
        return any(fault.kind == "down" for fault in self._of(system))

    def window(self, system: str) -> int:
        """How many frames a sender may have under way: 1, or what a `pipeline` fault says."""
        amounts = [fault.amount or 8 for fault in self._of(system) if fault.kind == "pipeline"]
        return int(max(amounts, default=1))

    def _of(self, system: str) -> list[Fault]:
        group = self._systems[system][0]
        return [fault for fault in list(self._faults.values()) if fault.system in (system, group)]

    def _tell(self) -> None:
        for told in self._listeners:
            told()
