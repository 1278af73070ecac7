"""Our records, frozen: what passes between the floors. No behaviour lives here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from engine.asking import Feed, Poll
from engine.contract import Reply, Row
from engine.records import Correction, Write

Shape: TypeAlias = dict[str, Any]
"""A document of ours (booking, lab_report …): plain values that JSON can carry, as its shape says."""


class State(Enum):
    """States of a delivery (delivery.md §1)."""

    WAITING = "waiting"
    READY = "ready"
    CLAIMED = "claimed"
    SENDING = "sending"
    DOUBTFUL = "doubtful"
    PARKED = "parked"
    DELIVERED = "delivered"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"


FINAL = frozenset({State.DELIVERED, State.REFUSED, State.GIVEN_UP, State.SKIPPED, State.WITHDRAWN})
"""States that never change again."""


class Verdict(Enum):
    """What one attempt, or one question about it, came to."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    IN_DOUBT = "in_doubt"
    UNSENT = "unsent"
    """A question's answer: they have nothing. Believed only after `absent_after`."""


class Effect(Enum):
    """What an operation does to the system behind (decision 23)."""

    NONE = "none"
    CHANGE = "change"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The recorded end of an attempt. Holds no data of a patient but in `reply`, which the journal encrypts."""

    verdict: Verdict
    code: str = ""
    """Our code for a refusal (`slot_taken`), or a short word for what went wrong (`connect_refused`)."""
    backend_code: str = ""
    backend_text: str = ""
    """Original code and text of the system behind; the text is kept encrypted and never logged."""
    value: Shape | None = None
    """The reply as our shape, where the operation `gives` one."""
    reply: bytes = b""
    """The reply's bytes as they came (rows as JSON)."""


# --- what a release compiles to ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Context:
    """What a map may know beside its document. Times are aware datetimes in the site's zone."""

    received: Any
    """datetime: when the message was received."""
    now: Any
    """datetime: for maps that are allowed to know it (seals); equal to `received` in the others."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Named extras: `token`, `message_id`, `campus`, `system`, settings that a profile names."""


@dataclass(frozen=True, slots=True)
class Built:
    """What an outgoing map made: the body for the wire, and values for the call's address."""

    body: bytes | Row
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """How an unanswered call is asked about."""

    by: str
    """Outgoing operation of the same profile, of `effect: none`; it gets the request's document and `token`."""
    absent_after: float | None = None
    """Seconds after the attempt before "they have nothing" is believed; None: 3 x limit, at least 60."""
    same: tuple[str, ...] = ()
    """Fields in which what is found must be what was asked for; else it is another's, and says nothing of the call."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One operation of a system: bus to system. Compiled from `outgoing:` of its profile."""

    name: str
    takes: str | None
    gives: str | None
    effect: Effect
    repeatable: bool
    ask: Ask | None
    options: Any
    """The adapter's `operation_options` model, or what its `prepare` made of them."""
    build: Callable[[Mapping[str, Any], Context], Built]
    """Pure. Scope: the document's own keys, outcomes and replies of earlier steps by step name
    (`store.outcome`, `store.reply.id`). Raises BusError(VALIDATION_FAILED, field) where a value cannot be mapped."""
    understand: Callable[[Reply], Outcome]
    """Pure. What the reply means (`meaning:`), with the reply's own shape; unreadable replies are IN_DOUBT
    for a change and BACKEND_FORMAT for a read."""
    seal: Callable[[Built, str, Context], tuple[bytes, Mapping[str, str]]] | None = None
    """(built, method and path as the adapter will send them or "", context) to body and headers, for each attempt."""
    check: Callable[[Context], Callable[[Built], None] | None] | None = None
    """What holds this one, as it was built, against its standard's models, where the text asks for it; None: nothing.
    Slow, so not for the loop. Raises BusError as `build` does."""
    examples: tuple[Any, ...] = ()
    formats: tuple[Any, Any] | None = None
    """Formats of request and reply, where they are known; None: the profile's."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One kind of message that a system sends: system to bus. Compiled from `incoming:` of its profile."""

    name: str
    matches: Callable[[Any], bool]
    """Whether a parsed document of the profile's format is of this kind."""
    gives: str
    read: Callable[[Any, Context], Shape]
    """Pure. Raises BusError(VALIDATION_FAILED, …, spot=…) where a required value is missing or wrong."""
    examples: tuple[Any, ...] = ()
    say: Callable[[Shape, Context], Any] | None = None
    """Pure. Words the answer from our shape (`say:`): that of the answer, or the message's own document; None: the
    format's own acknowledgement is the answer."""
    refuse: Callable[[Shape, Context], Any] | None = None
    """Pure. Words a refusal (`refuse:`) from its document: see engine/mapping/refusals.py."""
    operation: str = ""
    """What it comes as, where the transport says so; empty: as anything."""
    poll: Poll | None = None
    feed: Feed | None = None
    """How it is asked for, or read on from a cursor; neither: it comes by itself."""

    @property
    def asked(self) -> bool:
        """Whether a schedule brings it."""
        return self.poll is not None or self.feed is not None


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything one kind of system needs, without an address."""

    name: str
    adapter: str
    format: Any
    """The format's object: see engine/formats/format.py."""
    options: Any
    """The profile's block under the adapter's name, as the adapter's `profile_options` model."""
    incoming: Mapping[str, Incoming]
    outgoing: Mapping[str, Outgoing]
    folder: str = "."
    settings: tuple[str, ...] = ()
    """Names that its maps read as `$name`; the site's settings give each a value."""


# --- what a message is made of -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One step of a message, as it is inserted when the message is accepted."""

    step: int
    system: str
    lane: str | None
    """Name of the line it stands in, in clear: the journal keeps a keyed hash. None: no line."""
    needs: int
    """How many of the steps it needs are still open."""
    skipped: bool = False
    """Its `when` is false already: inserted as final."""
    due: int = 0
    """Not before this instant (microseconds UTC); 0: at once."""


@dataclass(frozen=True, slots=True)
class Find:
    """A value by which a message is found again; the journal keeps a keyed hash."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Rider:
    """Something that must be committed with a message: a feed's cursor, a schedule's last run, a split's progress."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """All of a message that `accept` writes. Texts in clear here are hashed or encrypted by the journal."""

    id: str
    route: str
    release: str
    received: int
    sender: str
    """Authenticated sender and campus: the scope of `key` (decision 24)."""
    key: str | None
    """None: every message is new."""
    digest: bytes
    """What "the same content" means: 32 bytes."""
    other_content: str
    """`conflict` or `new`: what the same key with another digest is."""
    raw: bytes
    deliveries: tuple[NewDelivery, ...]
    deadline: int | None = None
    parent: int | None = None
    """Place of the step that made it, a child of a split: given by the journal's `split`."""
    finds: tuple[Find, ...] = ()
    riders: tuple[Rider, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    """What the source said beside the bytes and the reading needs again after a restart
    (system, operation, client, campus, path parameters); kept encrypted with the body."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Durable. `claimed` are the deliveries that this node took on the way."""

    seq: int
    claimed: "tuple[Claimed, ...]" = ()
    renewed: bool = False
    """The key was known with other content and the route said `new`."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The key is known with the same content. `answer` is None while the first is under way."""

    seq: int
    id: str
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """The key is known with other content, and the route says `conflict`."""

    seq: int
    id: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in this node's hands. `attempt` counts attempts already recorded."""

    seq: int
    step: int
    id: str
    route: str
    release: str
    system: str
    lane: bytes | None
    attempt: int
    received: int
    deadline: int | None = None
    state: State = State.CLAIMED
    """CLAIMED: to be sent. DOUBTFUL: to be asked about."""
    since: int = 0
    """For DOUBTFUL: when its last attempt was recorded; `absent_after` counts from here."""
    first_due: int = 0
    """When the delivery first became due: retry policies count from here, and it tells one claim from a later one."""
    doubted: bool = False
    """An earlier attempt ended in doubt and nobody knows what became of it (a repeatable operation was sent
    again): when its policy ends it is parked, never given up, as giving up starts `on_failure`.
    """
    amended: bool = False
    """Nothing was sent yet, and a person gave it a body."""


@dataclass(frozen=True, slots=True)
class Added:
    """A step inserted by an outcome (`on_failure`): next in line of its lane."""

    step: int
    system: str
    lane: str | None
    needs: int


@dataclass(frozen=True, slots=True)
class Then:
    """What follows from an outcome, worked out from the plan before the commit."""

    state: State
    """The delivery's next state: final, READY (due later), DOUBTFUL (due: when to ask) or PARKED."""
    due: int = 0
    holds: bool = False
    """Whether it keeps its place in line: final ones never; READY, DOUBTFUL, PARKED do (but `hold: nothing`)."""
    freed: tuple[int, ...] = ()
    """Steps whose `needs` lose this one."""
    awaited: tuple[int, ...] | None = None
    """Of a step that makes children: steps whose `needs` lose it once all of these are final. None: no such step."""
    skip: tuple[int, ...] = ()
    """Waiting steps that will never run because they need this one."""
    add: tuple[Added, ...] = ()
    answer: bytes | None = None
    """The route's answer, where this step is the answer point and its outcome decides it."""
    why: str = ""
    """For PARKED and GIVEN_UP, and READY where a person has to come first: a short word for people."""
    writes: tuple[Write, ...] = ()
    """Changes of our own records, each record once. They happen with the settle or not at all (local systems)."""
    corrects: Correction | None = None
    """What a message that amends earlier ones does to them. It happens with the settle or not at all."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a settle's commit made free: deliveries this node took on the way, and systems with new ready ones."""

    claimed: tuple[Claimed, ...] = ()
    ready: frozenset[str] = frozenset()
    done: bool = False
    """The message has no open delivery left."""


# --- what channel applications ask ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the entrance proved it."""

    client: str
    campus: str
    channel: str = ""
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """One unified operation, asked by a channel application and read into our shape."""

    operation: str
    document: Shape
    caller: Caller
    trace: str
    """Our id for this request: `traceId` of the envelope."""
    key: str | None = None
    """`Idempotency-Key`, where the contract wants one."""
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Missing:
    """A part of an answer that is not there."""

    part: str
    """Its name in the route's `gather`."""
    code: str
    """The name of the error it ended with."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the route answered. Failures are BusErrors; `backend` says which system said what."""

    value: Shape
    system: str = ""
    backend_code: str = ""
    backend_text: str = ""
    stale: bool = False
    """From a cache, because the system behind is down."""
    task: str = ""
    """The id of the message that this is the answer of; empty for a read."""
    stale_since: int = 0
    """Where it is stale: when the system behind said it, in microseconds UTC."""
    missing: tuple[Missing, ...] = ()
    """Systems that did not answer, where several were asked at once."""
