"""What a channel's read is, compiled: which steps are asked, what is the answer, how long it may be given again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.routing.plan import Step


@dataclass(frozen=True, slots=True)
class Keep:
    """How old an answer may be that is given again, in seconds."""

    fresh: float
    """As good as a new one."""
    stale: float
    """Given, and marked, while the system behind is down; never less than `fresh`."""


@dataclass(frozen=True, slots=True)
class Merge:
    """How the answers of several parts become one."""

    into: str
    """The list that takes the items of all."""
    unique: Callable[[Any], Any] | None
    order: Callable[[Any], Any] | None
    """What an item is ordered by; None: it has no such value, and comes last."""
    greatest_first: bool
    all_or_none: bool
    """A part that did not answer makes the whole fail, instead of being said."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A route whose steps only read: it is asked without the journal (decision 23)."""

    name: str
    steps: tuple[Step, ...]
    waves: tuple[tuple[Step, ...], ...]
    """The steps in the order of their needs; those of one wave are asked at once."""
    answer: Step
    """The step whose reply is the answer; of a gather, the first: its reply has the shape of the answer."""
    within: float
    """Seconds for all of it."""
    merge: Merge | None = None
    """Given: the steps are the parts of a gather."""
    keep: Keep | None = None


Readings = Mapping[str, Reading]
"""The reads of a release by the operation they serve."""
