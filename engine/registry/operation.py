"""One operation of a local system: a function of a document, the moment, the settings and what stands in the journal.

It gives a document of its shape, or a refusal; what it wants changed it notes in its `Look`. It is run again whenever
somebody changed what it saw before its settle was committed, so it must do nothing else.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from engine.base.clock import SECOND, from_micros
from engine.base.errors import Code
from engine.base.ids import Ids
from engine.model import Effect, Shape
from engine.registry.look import Look
from engine.settings.conduct import Rules
from engine.settings.registry import Registry


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operation is asked with."""

    document: Mapping[str, Any]
    campus: str
    at: datetime
    """When it was asked, in the site's zone: what rules about hours and dates go by."""
    now: int
    """This moment, microseconds UTC: what lasts a while is counted from here."""
    registry: Registry
    """The settings that hold at this campus."""
    rules: Rules
    ids: Ids

    def text(self, name: str) -> str | None:
        """A field of the document; None where it is missing or empty."""
        return self.document.get(name) or None

    def here(self, *names: str | None) -> str:
        """The key of a record of this campus (decision 6); what stands in one name never runs into the next."""
        return "".join(f"{len(name or '')}:{name or ''}" for name in (self.campus, *names))

    def instant(self, micros: int) -> str:
        """An instant as our documents have it, to the second."""
        return from_micros(micros).astimezone(self.at.tzinfo).isoformat(timespec="seconds")

    def after(self, seconds: float) -> int:
        """The instant so many seconds from now."""
        return self.now + round(seconds * SECOND)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `why` names fields and rules, never values."""

    code: Code
    why: str = ""


Decide: TypeAlias = Callable[[Asked, Look], Awaitable[Shape | Refusal]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as routes name it: `registry.bind`."""

    name: str
    says: str
    takes: str
    gives: str
    effect: Effect
    decide: Decide
    refuses: tuple[Code, ...] = ()
    """What it may say no with, beside VALIDATION_FAILED for a document that is not as its shape says."""


def pure(rule: Callable[[Asked], Shape | Refusal]) -> Decide:
    """A rule that looks at nothing but its document."""

    async def decide(asked: Asked, _look: Look) -> Shape | Refusal:
        return rule(asked)

    return decide
