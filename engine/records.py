"""What a settle may change beside its own delivery, frozen: records of our own (bindings, grants, tickets), and
earlier deliveries that its message corrects.
"""

from dataclasses import dataclass

EARLIER_IN_DOUBT = "earlier_in_doubt"
"""Why a correction waits for a person: what it corrects is parked, and nobody knows yet what the system behind has."""


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


@dataclass(frozen=True, slots=True)
class Amended:
    """An earlier delivery that carries the content of a later message from now on, in its old place."""

    seq: int
    step: int
    state: str
    attempt: int
    """State and attempts as they were seen. Where they are others by now, nothing of the settle happens."""
    again: bool
    """It is parked, and goes again when it is its turn; else it stays as it stands."""
    steps: tuple[tuple[int, int], ...]
    """The steps that carry the later content, each with that message's own step of the same name: this one, and
    those that wait for it.
    """


@dataclass(frozen=True, slots=True)
class Correction:
    """What the settle of a correcting message's own step does: to earlier deliveries, and to steps of the message
    that have not begun.
    """

    amended: tuple[Amended, ...] = ()
    ended: tuple[tuple[int, str], ...] = ()
    """Steps that end with it (they are in `Then.skip` too), and the word that people read there."""
    parked: tuple[tuple[int, bool, str], ...] = ()
    """Steps that become a person's turn: number, whether they keep their place in line, and why."""
