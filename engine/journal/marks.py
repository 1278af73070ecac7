"""The marks of a batch: what each verb asks of one commit, hashed and encrypted already, frozen."""

from dataclasses import dataclass
from typing import TypeAlias

from engine.journal.audit import Entry, Seal
from engine.journal.interface import Act, Room
from engine.model import Claimed, NewMessage, Outcome, Then


@dataclass(frozen=True, slots=True)
class Accept:
    message: NewMessage
    key: bytes | None
    digest: bytes
    until: int
    """When the key is forgotten."""
    content: bytes
    lanes: tuple[bytes | None, ...]
    """One for each delivery, in order."""
    finds: tuple[bytes, ...]
    riders: tuple[tuple[str, bytes], ...]
    room: Room

    @property
    def size(self) -> int:
        return len(self.content)


@dataclass(frozen=True, slots=True)
class Split:
    """A page of a step's children, all or none of them."""

    delivery: Claimed
    first: int
    """The items that are done already: the page begins behind them."""
    taken: int
    """The items that are done with this page."""
    children: tuple[Accept, ...]
    room: Room

    @property
    def size(self) -> int:
        return sum(child.size for child in self.children)


@dataclass(frozen=True, slots=True)
class Claim:
    system: str
    room: int
    size = 0


@dataclass(frozen=True, slots=True)
class Unclaim:
    """Deliveries whose claimer went away before it heard of them: `ready` again."""

    deliveries: tuple[Claimed, ...]
    size = 0


@dataclass(frozen=True, slots=True)
class Sending:
    delivery: Claimed
    body: bytes | None
    sealed: bytes

    @property
    def size(self) -> int:
        return len(self.sealed) + len(self.body or b"")


@dataclass(frozen=True, slots=True)
class Written:
    """A change of one record: `version` is what must stand there, `value` None deletes it."""

    key: bytes
    kind: str
    version: int
    value: bytes | None
    owner: bytes | None
    until: int | None


@dataclass(frozen=True, slots=True)
class Settle:
    delivery: Claimed
    outcome: Outcome
    then: Then
    reply: bytes | None
    answer: bytes | None
    lanes: tuple[bytes | None, ...]
    """One for each step that `then` adds, in order."""
    room: Room
    writes: tuple[Written, ...] = ()
    acts: tuple[tuple[str, bytes], ...] = ()
    """For each delivery that it amends, in order: id and words of the act that people see there."""

    @property
    def size(self) -> int:
        return len(self.reply or b"") + len(self.answer or b"") + sum(len(one.value or b"") for one in self.writes)


@dataclass(frozen=True, slots=True)
class Withdraw:
    seq: int
    room: Room
    size = 0


@dataclass(frozen=True, slots=True)
class Acted:
    act: Act
    id: str
    said: bytes
    body: bytes | None
    reply: bytes | None
    then: Then | None
    answer: bytes | None
    lanes: tuple[bytes | None, ...]
    room: Room

    @property
    def size(self) -> int:
        return len(self.said) + len(self.body or b"") + len(self.reply or b"")


@dataclass(frozen=True, slots=True)
class Ride:
    """Riders without a message: a page without rows, a schedule that found nothing."""

    riders: tuple[tuple[str, bytes], ...]
    size = 0


@dataclass(frozen=True, slots=True)
class Take:
    """A rider in place of the one that was seen there; both are encrypted."""

    name: str
    seen: bytes | None
    value: bytes
    size = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a large body, stored before the mark that names it."""

    id: str
    part: str
    n: int
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Release:
    digest: str
    content: bytes | None
    """None: it is forgotten."""

    @property
    def size(self) -> int:
        return len(self.content or b"")


@dataclass(frozen=True, slots=True)
class Read:
    """A call of a channel application, for the audit; nobody waits for it."""

    entry: Entry
    seal: Seal
    size = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What `accept` found under its key; the answer is still encrypted."""

    seq: int
    id: str
    received: int
    same: bool
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Prune:
    """Messages whose time is over; those with an open delivery are left as they are."""

    seqs: tuple[int, ...]
    whole: bool
    """False: only what is encrypted goes, the history stays."""
    size = 0


@dataclass(frozen=True, slots=True)
class Forget:
    """Keys that are no longer kept."""

    keys: tuple[bytes, ...]
    now: int
    size = 0


@dataclass(frozen=True, slots=True)
class Sweep:
    """Parts stored before `parts` whose message never came, some audit of reads before `reads`, and some records of
    our own that may be forgotten since `records`.
    """

    parts: int
    reads: int
    records: int
    size = 0


Mark: TypeAlias = (
    Accept
    | Split
    | Claim
    | Unclaim
    | Sending
    | Settle
    | Withdraw
    | Acted
    | Ride
    | Take
    | Part
    | Release
    | Read
    | Prune
    | Forget
    | Sweep
)
