"""How a system is asked for what it does not send by itself, compiled from its profile and frozen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `Incoming` holds these
    from engine.model import Context, Shape


@dataclass(frozen=True, slots=True)
class Poll:
    """How a system is asked for a kind of message. Compiled from `poll:`."""

    by: str
    """Outgoing operation of the same profile, of `effect: none`; it gets `{from, to, campus}`."""
    items: "Callable[[Mapping[str, Any]], Sequence[Shape]]"
    """The messages in its reply."""
    back: float
    """Seconds before the last good run that are asked for again."""
    ahead: float
    """Seconds into the future that are asked for."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How a kind of message is read on from a cursor. Compiled from `feed:`."""

    by: str
    """Outgoing operation of the same profile that its adapter can read on."""
    empty: "Callable[[Context], Shape] | None" = None
    """Pure. The one message of a run that found nothing; `$day` is the day before the run's."""
    count: str = ""
    """Outgoing operation that says how many messages there should be of a day: gets `{day}`, gives `count`; empty:
    nobody can be asked."""
