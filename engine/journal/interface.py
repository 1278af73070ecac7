"""The seam: what stands above the journal may use of it, on SQLite and on PostgreSQL alike.

Every verb joins the group commit under way and returns once it is durable. Nothing above may
assume that there is one process. Statements and crash points: docs/delivery.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.model import (
    Accepted,
    Claimed,
    Conflict,
    Duplicate,
    Find,
    NewMessage,
    Outcome,
    Progress,
    Rider,
    State,
    Then,
)
from engine.records import Record


class Room(Protocol):
    """How many more deliveries this node can hold, per system. Asked inside a batch, on the writer's
    thread; what was taken is given back when the batch fails.
    """

    def take(self, system: str) -> bool:
        """True: the delivery is claimed for this node at once. False: it stays `ready`."""
        ...

    def give(self, system: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does to one delivery, with the reason."""

    verb: str
    """`retry`, `park`, `drop` or `settle`."""
    seq: int
    step: int
    who: str
    reason: str
    body: bytes | None = None
    """retry: the corrected body, in its old place; refused while in doubt."""
    remap: bool = False
    """retry: forget the stored body; refused while in doubt. `body` is then what the texts in force make of the
    message, where it is mapped before it is sent."""
    anyway: bool = False
    """retry although it was overtaken."""
    outcome: Outcome | None = None
    """settle: what the person saw there, DELIVERED or REFUSED, with the reply where there is one."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One call of a channel application, for the audit: who asked for whom, and what came of it
    (security-and-compliance §5.1).
    """

    operation: str
    client: str
    campus: str
    subject: Find | None = None
    """Whom it was about; the journal keeps a keyed hash."""
    code: str = ""
    """`OK`, or the name of the error."""
    at: int = 0
    """Microseconds UTC: when it came; 0: now."""
    channel: str = ""
    remote: str = ""
    """The network address that it came from."""
    effect: str = ""
    trace: str = ""
    """Our id of the call: `traceId`."""
    count: int = 0
    """How many entries were shown."""
    unmasked: bool = False
    """Whether personal data was shown in clear."""
    took: int = 0
    """Microseconds."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A delivery of an earlier message about the same thing, as it stands."""

    delivery: Claimed
    why: str
    doubt: bool
    """They may have done an attempt of it."""
    newer: int
    """The later message whose content it carries; 0: it carries its own."""


class Journal(Protocol):
    """The five verbs, the acts of people, and what is needed to go on after a restart."""

    node: str

    @property
    def busy(self) -> bool:
        """New messages are refused just now: below the disk reserve, or the database takes nothing."""
        ...

    async def accept(self, message: NewMessage, room: Room) -> Accepted | Duplicate | Conflict:
        """Stores a message with all its deliveries. Raises BusError(BUSY) below the disk reserve."""
        ...

    async def claim(self, system: str, room: int) -> Sequence[Claimed]:
        """Ready deliveries that are due, at most `room`, and doubtful ones that are due to be asked about
        (`state` tells which).
        """
        ...

    async def give_back(self, claimed: Sequence[Claimed]) -> None:
        """What this node claimed and will not carry is `ready` again, for whoever claims it next."""
        ...

    async def sending(self, delivery: Claimed, body: bytes | None, sealed: bytes) -> int:
        """Records an attempt before it is made; `body` is the mapped body of the first attempt.
        Returns the attempt's number, or 0: withdrawn or deposed, do not send.
        """
        ...

    async def settle(self, delivery: Claimed, outcome: Outcome, then: Then, room: Room) -> Progress | None:
        """Records the outcome of attempt `delivery.attempt`, and all that follows, changes of our own records
        (`then.writes`) and of earlier deliveries (`then.corrects`) included. Raises Moved where one of these is no
        longer as it was when they were decided upon: nothing has happened then. None: stale, nothing was changed
        (the outcome is kept beside the attempt as evidence). Without an attempt (skipped by `when`, cannot be
        mapped) `delivery.attempt` is the count so far and no attempt row is touched.
        """
        ...

    async def split(
        self, delivery: Claimed, first: int, taken: int, children: Sequence[NewMessage], room: Room
    ) -> "Sequence[Accepted | Duplicate | Conflict] | None":
        """Stores children of a claimed step in one commit with how far it came: after it, `taken` items are done
        instead of `first`. None: stale, nothing was stored (the step is no longer this node's, or is not at
        `first`). A child whose key is known is not stored again; only children stored here are waited for.
        Raises BusError(BUSY) below the disk reserve.
        """
        ...

    async def taken(self, delivery: Claimed) -> int:
        """How many items of a step that makes children are done."""
        ...

    async def record(self, kind: str, key: str) -> Record | None:
        """A record of our own as of the last commit, also where its time is over."""
        ...

    async def records(self, kind: str, owner: str) -> Sequence[Record]:
        """The records of a kind that belong to somebody."""
        ...

    async def withdraw(self, seq: int, room: Room) -> Progress | None:
        """All or nothing, only while nothing of the message can have been read. None: too late."""
        ...

    async def act(self, act: Act, then: Then | None, room: Room) -> Progress:
        """A person's act. `then` for what ends a delivery, `drop` and `settle`: what follows from that. Raises
        BusError(STATE_CONFLICT, why).
        """
        ...

    async def answered(self, seq: int) -> bytes | None:
        """The decisive answer of a message, None while there is none."""
        ...

    async def held_by(self, seq: int) -> str | None:
        """The id of the message that holds up this one: its doubtful or parked delivery stands first in a line in
        which a step of this one waits that needs nothing more. None: there is no such message.
        """
        ...

    async def unheard(self, delivery: Claimed) -> bool:
        """Whether a delivery may have been done in a life that a restore has lost (`restored.py`)."""
        ...

    async def reaches_back(self, route: str, since: int, begun: int) -> None:
        """Says, before its messages are accepted with `begun` as their instant, that a run of a route's schedule finds
        what has come up since `since`: in a life that a restore has lost, that may have been found and done before.
        """
        ...

    async def raw(self, seq: int) -> tuple[bytes, dict[str, str]]:
        """The bytes as they came, and the meta kept with them."""
        ...

    async def body(self, seq: int, step: int) -> bytes | None:
        """The mapped body stored at a step's first attempt."""
        ...

    async def earlier(self, find: Find, seq: int) -> "Sequence[Earlier]":
        """The deliveries of messages before `seq` that are found by a value, the newest message first."""
        ...

    async def newer(self, seq: int, step: int) -> Claimed | None:
        """The message whose content a step carries since it was amended (of it: id, route, release, received); None:
        its own.
        """
        ...

    async def outcomes(self, seq: int) -> dict[int, tuple[State, Outcome | None]]:
        """State and last outcome of each step, for `when` and for maps that read earlier replies."""
        ...

    async def steps(self, id_: str) -> Sequence[Claimed]:
        """The deliveries of a message by its id, each with its state; none where there is no such message."""
        ...

    async def rider(self, name: str) -> str | None:
        """The committed value of a rider (a cursor, a last run)."""
        ...

    async def ride(self, riders: Sequence[Rider]) -> None:
        """Commits riders without a message: a page that held no rows, a schedule that found nothing to do."""
        ...

    async def take(self, name: str, seen: str | None, value: str) -> bool:
        """Commits a rider in place of the value that was seen there (None: there was none). False: another stands
        there by now, and nothing was changed: of several nodes that take the same run, one has it.
        """
        ...

    def note(self, read: Noted) -> None:
        """Puts a call into the audit with a later commit; nobody waits for it (decision 23). Raises BusError(BUSY)
        where too many wait for a database that takes nothing.
        """
        ...

    async def store_release(self, digest: str, content: bytes) -> None:
        """Keeps the texts of a checked release under their hash."""
        ...

    async def release(self, digest: str) -> bytes | None: ...

    async def releases(self) -> Sequence[str]:
        """The hashes of all that are kept, the youngest first."""
        ...

    async def nodes(self) -> int:
        """How many nodes share the journal and are alive, this one included: limits are divided by it."""
        ...

    async def next_due(self, system: str) -> int | None:
        """When the next ready or doubtful delivery of a system is due; None: nothing waits."""
        ...

    async def backlog(self) -> Mapping[tuple[str, str], int]:
        """(system, state) to the number of its deliveries that are ready, doubtful or parked, read from indexes."""
        ...

    async def under_way(self, route: str, most: int) -> int:
        """How many messages of a route have deliveries that move by themselves, or stand in line behind one that does;
        counted up to `most`. What is parked, and what waits for that, moves by a person.
        """
        ...

    async def close(self) -> None:
        """Commits what is queued and lets go of the node's name and lock."""
        ...
