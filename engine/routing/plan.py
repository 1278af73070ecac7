"""Routes as step graphs: compiled once for a release, walked for every message.

A step is known by its number: the steps of a route count from 0 in the order written, those of
`on_failure` go on counting. The journal stores numbers only; names are for people and for texts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from engine.delivery.interface import Policy
from engine.model import FINAL, Added, Find, NewDelivery, Shape, State, Then
from engine.routing.timing import Timing

ROUTE = "route"
"""The local system that makes messages of other routes: `to: route.x`, and `from: route` for these."""

AMENDS = "amends"
"""The local system that gives the content of corrections to what they correct; its step is called so too."""

Scope: TypeAlias = Mapping[str, Any]
"""A message's document, and by step name the outcome and reply of the steps before."""


@dataclass(frozen=True, slots=True)
class When:
    """A compiled condition. `early`: it reads the message only, so it is decided when the message is accepted."""

    test: Callable[[Scope], bool]
    early: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """The line a step stands in: the value of `by`, within `name` and the message's campus (decision 6)."""

    name: str
    by: Callable[[Scope], str | None]

    def of(self, document: Shape, campus: str) -> str | None:
        """The lane of one message; None where it has no such value: it then stands in no line."""
        value = self.by(document)
        return None if value is None else f"{campus}\x1f{self.name}\x1f{value}"


@dataclass(frozen=True, slots=True)
class Makes:
    """What a step that sends to another route makes of a message: children, each a message of its own."""

    route: str
    items: Callable[[Scope], Sequence[Any]] | None = None
    """`each`: the items that become a child each; None: the message itself becomes one."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a route."""

    index: int
    name: str
    system: str
    operation: str
    needs: tuple[int, ...]
    policy: Policy
    lane: Lane | None = None
    when: When | None = None
    between: Any = None
    """The shape-to-shape map that stands before the operation's own, or None."""
    reads: frozenset[str] = frozenset()
    """Names of earlier steps that its `when` or its map may read."""
    replies: frozenset[str] = frozenset()
    """Those of them whose reply it does read."""
    makes: Makes | None = None
    """None: it calls a system."""


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two messages the same (decision 24)."""

    by: tuple[Callable[[Scope], str | None], ...]
    other_content: str = "conflict"

    def of(self, document: Shape) -> str | None:
        """The key of one message; None where none of its parts has a value."""
        parts = [part(document) for part in self.by]
        return None if all(part is None for part in parts) else "\x1f".join(part or "" for part in parts)


@dataclass(frozen=True, slots=True)
class Amends:
    """How messages of a route correct earlier ones: see `engine.routing.amending`."""

    by: Callable[[Scope], str | None]
    """What a correction has in common with what it corrects."""
    step: Step
    """The bus's own step of each message: before it, none of those that can be amended begins."""
    send: bool = False
    """A correction of what was accepted is sent; else it is parked for a person."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Where the caller of an operation that changes something is answered, and how long he waits for it."""

    step: int | None
    """The step whose end is the answer; None: `accepted`, the message on our disk."""
    within: float = 10.0
    """Seconds."""
    undo: bool = False
    """`late: undo`: what is done after that time is undone, as the caller was told that the outcome is not known."""
    waited: frozenset[int] = frozenset()
    """The step and all that it needs: the first of them that fails is the answer."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route of `routes.yaml`, compiled."""

    name: str
    sources: tuple[tuple[str, str], ...]
    """(system, incoming operation) pairs that feed it; empty for a channel operation."""
    steps: tuple[Step, ...]
    key: Key | None = None
    on_failure: tuple[Step, ...] = ()
    answer: Answering | None = None
    """Of a channel operation that changes something; None: it reads, or what starts it is answered once it is durable.
    """
    shape: str = ""
    """The shape of its document."""
    schedule: Timing | None = None
    """When its sources that have to be asked are asked; None: they send by themselves."""
    amends: Amends | None = None
    """None: each message is one of its own."""

    @property
    def every(self) -> tuple[Step, ...]:
        """All steps by their numbers: those of `on_failure` and the bus's own follow the route's."""
        return self.steps + self.on_failure + ((self.amends.step,) if self.amends is not None else ())

    def step(self, index: int) -> Step | None:
        """The step of that number, of the route, of its `on_failure` or the bus's own."""
        every = self.every
        return every[index] if 0 <= index < len(every) else None

    def amending(self, document: Shape, system: str, campus: str) -> Find | None:
        """By which a message and its corrections find each other: one system's, at one campus, on this route."""
        value = self.amends.by(document) if self.amends is not None else None
        return None if value is None else Find(AMENDS, f"{self.name}\x1f{system}\x1f{campus}\x1f{value}")


def deliveries(route: Route, document: Shape, campus: str) -> tuple[NewDelivery, ...]:
    """All deliveries of a new message, in the order of their steps: their places in line are fixed by this."""
    skipped = {step.index for step in route.steps if step.when and step.when.early and not step.when.test(document)}
    return tuple(
        NewDelivery(
            step=step.index,
            system=step.system,
            lane=step.lane.of(document, campus) if step.lane and step.index not in skipped else None,
            needs=sum(1 for need in step.needs if need not in skipped),
            skipped=step.index in skipped,
        )
        for step in (*route.steps, *([route.amends.step] if route.amends is not None else []))
    )


def follow(
    route: Route, index: int, bare: Then, document: Shape, campus: str, *, failing: bool, late: bool = False
) -> Then:
    """What follows from a step's end by the plan: steps freed (at once, or by its last child), skipped, added.

    `failing` tells that `on_failure` of this message runs already (or has run): it starts once.
    `late` that the caller's time was over: with `late: undo` a step he waited for is undone then, as if it had failed.
    Doubt and parking start nothing (invariant 8).
    """
    if bare.state not in FINAL:
        return bare
    step = route.step(index)
    makes = step is not None and step.makes is not None
    undone = late and not failing and route.answer is not None and route.answer.undo and index in route.answer.waited
    if bare.state in (State.DELIVERED, State.SKIPPED) and not undone:
        freed = _needing(route, index)
        if makes:
            return replace(bare, awaited=freed)
        return replace(bare, freed=freed) if freed else bare
    skip, bare = behind(route, index), replace(bare, awaited=()) if makes else bare
    starts = route.on_failure and index < len(route.steps) and not failing
    return replace(bare, skip=skip, add=_added(route, document, campus) if starts else ())


def _needing(route: Route, index: int) -> tuple[int, ...]:
    return tuple(step.index for step in route.every if index in step.needs)


def behind(route: Route, index: int) -> tuple[int, ...]:
    """The steps that need a step, directly or by others."""
    found, new = {index}, {index}
    while new:  # the bus's own step has the last number and comes before those that are amended
        new = {step.index for step in route.every if step.index not in found and not found.isdisjoint(step.needs)}
        found |= new
    return tuple(sorted(found - {index}))


def _added(route: Route, document: Shape, campus: str) -> tuple[Added, ...]:
    return tuple(
        Added(step.index, step.system, step.lane.of(document, campus) if step.lane else None, len(step.needs))
        for step in route.on_failure
    )
