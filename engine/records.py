"""Records of our own, frozen: what only the bus holds (bindings, grants, tickets), as it passes between the floors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in the journal."""

    value: bytes
    version: int
    """Names the write that made it so; 0 stands for a record that is not there."""
    until: int | None = None
    """When it may be forgotten (microseconds UTC); None: never by itself."""


@dataclass(frozen=True, slots=True)
class Write:
    """A change of a record within the commit of a settle. Clear text here is hashed or encrypted by the journal."""

    kind: str
    key: str
    version: int
    """The version that it was decided upon. Where another one stands by now, nothing of the settle happens."""
    value: bytes | None
    """None: the record goes."""
    owner: str | None = None
    """By whom the records of a kind are listed."""
    until: int | None = None
