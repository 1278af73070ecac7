"""What is recorded of every call by a known application (security-and-compliance §5.1).

The store behind it hashes `subject` with its key; nothing here is written anywhere in clear.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.model import Effect


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who asked what about whom, and what came of it."""

    at: int
    """Microseconds UTC."""
    client: str
    channel: str
    campus: str
    remote: str
    operation: str
    effect: Effect
    trace: str
    subject: str | None = field(repr=False)
    """The patient's number in clear, to be hashed by the store; None where it is not known."""
    result: str
    """`OK`, or the code of the error."""
    count: int
    """How many entries were shown."""
    unmasked: bool
    """Whether personal data was shown in clear."""
    took: int
    """Microseconds."""


Audit: TypeAlias = Callable[[AuditRecord], Awaitable[None]]
"""Takes a record into the next commit. Raises BusError where it cannot be kept: then nothing is shown."""
