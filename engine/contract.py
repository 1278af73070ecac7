"""All that an adapter may import: what it is told, what it is asked, what it may answer.

An adapter moves bytes (or rows) between the bus and one kind of transport, and knows nothing of
routes, mappings or the journal. It is one module in `adapters/` that offers an `Adapter`.

Truth under failure is the adapter's first duty. A destination returns a `Reply` (the peer answered:
what the answer *means* is the profile's matter) or raises exactly one of

- `Unavailable`: surely nothing was read by the peer (refused connection, unknown host, TLS refused,
  no byte was written). The engine may send again.
- `InDoubt`: bytes may have left and no whole answer came (timeout, reset, half a reply). The engine
  asks or parks; it never sends again by itself.
- `Refused`: the transport itself says no for good (HTTP 4xx where the profile has no meaning for it,
  a constraint of the database).

Exceptions never carry bodies, names, numbers or filled-in URLs: only short words.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from socket import socket
from typing import Any, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

Row: TypeAlias = Mapping[str, Any]
"""Named values for one row or one statement: str, int, float, Decimal, bool, bytes, None, date, datetime."""


class Options(BaseModel):
    """Base of every adapter's option models: unknown keys are findings, every field has a docstring."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Refused(Exception):
    """The peer read the call and the transport itself says no. `why` is a short word, no data."""

    def __init__(self, why: str, reply: "Reply | None" = None) -> None:
        super().__init__(why)
        self.why = why
        self.reply = reply


class Unavailable(Exception):
    """Surely not read by the peer. `why` is a short word, no data."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class InDoubt(Exception):
    """Perhaps read by the peer, no clear answer. `why` is a short word, no data."""

    def __init__(self, why: str, reply: "Reply | None" = None) -> None:
        super().__init__(why)
        self.why = why
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which a call ends without a reply that a profile could read: a row of the reference."""

    raised: type[Unavailable] | type[InDoubt] | type[Refused]
    why: str  # its short word; `*` stands for what the peer says (`http_*`)
    when: str  # in one line
    cases: tuple[str, ...] = ()  # ways in which systems misbehave that come to this: tests/contract/misbehaving.py


@dataclass(frozen=True, slots=True)
class Limits:
    """What one system can bear. Durations in seconds, sizes in bytes."""

    at_once: int = 8
    connect: float = 2.0
    total: float = 10.0
    idle: float = 300.0
    size: int = 20 * 1024 * 1024
    connections: int = 1000


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials, opened late; printing them prints no secret."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for TLS: `ca` to trust, `cert` and `key` to show; `verify` is off only in a sandbox."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """Everything an adapter is told about one system (at one campus): addresses come from `config/`,
    options from the system's profile.
    """

    system: str
    options: Any
    """The profile's block under the adapter's name, as the adapter's `profile_options` model."""
    operations: Mapping[str, Any] = field(default_factory=dict)
    """Options of each outgoing operation by name, as the adapter's `operation_options` model."""
    campus: str | None = None
    url: str | None = None
    listen: tuple[str, int] | None = None
    login: Login | None = None
    tls: Tls | None = None
    limits: Limits = Limits()
    allow: tuple[str, ...] = ()
    """Networks whose peers a source listens to (`10.1.0.0/16`); none named: all."""
    folder: str = "."
    """The folder of the profile: files that the profile names (WSDL, SQL) lie beside it."""
    create: bool = False
    """Databases only: the tables that the profile describes are made where they are missing."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call on the wire. `token` is the same over all attempts of one delivery."""

    operation: str
    options: Any
    """The operation's options, as the adapter's `operation_options` model or what its `prepare` made of them."""
    body: bytes | Row
    token: str
    timeout: float
    headers: Mapping[str, str] = field(default_factory=dict)
    """What sealing adds for this attempt: HTTP headers; empty for other transports."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Values that the address of the call needs (HTTP path and query), made by the mapping."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the peer answered, untouched. `rows` for databases; `status` for HTTP."""

    body: bytes = b""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Row] | None = None
    count: int | None = None
    """Rows that a statement changed."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """Something a source has read: whole, unframed, exactly the bytes that came."""

    system: str
    raw: bytes
    remote: str = ""
    """Network address of the peer, for audit; never a key."""
    client: str = ""
    """The peer's name where the transport itself proves it (a TLS certificate); else empty."""
    method: str = ""
    path: str = ""
    """HTTP: as it stood in the request line, percent-encoded, without the query. Signatures cover it."""
    query: str = ""
    """HTTP: what followed the `?`, as it came."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """HTTP only; names in lower case."""
    too_many: bool = False
    """It came on a connection above `limits.connections`: the answer can only be "busy"."""
    too_large: bool = False
    """It was larger than `limits.size`: `raw` is only its beginning, and the answer can only be a refusal."""
    operation: str = ""
    """What the peer called, where the transport itself says so (the operation of a SOAP service)."""
    unreadable: str = ""
    """The transport found no message in `raw` (no SOAP envelope): why, in words without data. It is kept, and the
    answer can only be a refusal."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A refusal, for transports that have a form of their own for one (a SOAP Fault). Holds no data of a patient."""

    code: str
    """Our code: `VALIDATION_FAILED`."""
    text: str
    """For people, in Chinese."""
    english: str
    detail: str = ""
    """Which field or place is meant."""
    theirs: bool = True
    """What was sent is at fault, and sending it again changes nothing; else it is the bus."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the source sends back, in order; no body means that nothing is sent."""

    bodies: tuple[bytes, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False
    """The connection ends after this answer."""
    fault: Fault | None = None
    """A refusal that the peer's profile has no words for; `bodies` say the same in the format's words, for
    transports that have none of their own."""


Submit: TypeAlias = Callable[[Inbound], Awaitable[Answer]]
"""Called once for each thing read. Returns at the route's answer point: its value *is* the
acknowledgement. The source calls it in the order of reading and answers in that order; it may have
several calls open on one connection (pipelining). It never raises but for cancellation."""


class Source(Protocol):
    """Listens: HTTP, MLLP, a SOAP service, a watched folder."""

    async def start(self, submit: Submit, door: socket | None = None) -> None:
        """Binds; raises OSError when the address is taken. Returns once connections are accepted. `door`: an open
        listening socket that it takes over instead, and closes at its end.
        """
        ...

    @property
    def address(self) -> str:
        """Where it listens, with the real port where 0 was asked for."""
        ...

    def door(self) -> socket | None:
        """Another handle on its listening socket, for the source that follows it at its address: whoever connects
        meanwhile is not turned away. None where it has none.
        """
        ...

    async def stop(self, grace: float) -> None:
        """Accepts nothing new, lets what was read be answered for `grace` seconds, then closes."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """What a feed found: raw items in order, and the cursor after each of them."""

    items: Sequence[bytes]
    cursors: Sequence[str]
    more: bool


class Feed(Protocol):
    """Is asked: SQL rows, files."""

    async def pull(self, operation: str, cursor: str | None, limit: int, until: date) -> Page:
        """What stands after `cursor` (None: from its beginning), at most `limit` items; raises Unavailable. `until`:
        the day of the run; what is of that day or later is left out where the operation asks for that.
        """
        ...

    async def close(self) -> None: ...


class Destination(Protocol):
    """Carries calls to one system. Calls come at once up to `limits.at_once`."""

    async def send(self, call: Call) -> Reply:
        """One call; raises exactly one of Refused, Unavailable, InDoubt. Honours `call.timeout`."""
        ...

    async def probe(self, timeout: float) -> None:
        """Reaches the system without changing anything there; raises Unavailable."""
        ...

    async def close(self) -> None: ...


class BlockingDestination(Protocol):
    """The same for a library that blocks: the engine lends threads, `limits.at_once` of them."""

    def send(self, call: Call) -> Reply: ...
    def probe(self, timeout: float) -> None: ...
    def close(self) -> None: ...


class BlockingFeed(Protocol):
    """A feed whose library blocks."""

    def pull(self, operation: str, cursor: str | None, limit: int, until: date) -> Page: ...
    def close(self) -> None: ...


class Address(Protocol):
    """Where a call will go on the wire: what a signature covers beside the body. Pure."""

    def __call__(self, options: Any, fields: Mapping[str, str], url: str | None = None) -> tuple[str, str]:
        """(method, path with query) of an operation's options and a call's `fields`; `url` is the system's own
        address, whose path comes first. Raises KeyError(name) where the path needs a field that is not there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake in the adapter's blocks of a profile. The engine knows the line where it stands."""

    what: str
    """One sentence, without a full stop."""
    operation: str | None = None
    """In the block of this outgoing operation; else in the profile's own block."""
    keys: tuple[str | int, ...] = ()
    """The keys below the block."""
    hint: str = ""
    """What to write instead."""
    word: str = ""
    known: tuple[str, ...] = ()
    """A word that is none of `known`: the hint is then the nearest of them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `Adapter.prepare` makes of a profile."""

    operations: Mapping[str, Any] = field(default_factory=dict)
    """What calls of an operation get as `Call.options`; one that is not there keeps its options."""
    findings: Sequence[Finding] = ()


class Prepare(Protocol):
    """Reads what a profile's files say, once, when a release is made; what it makes belongs to that release. Pure."""

    def __call__(self, options: Any, operations: Mapping[str, Any], files: Mapping[str, bytes]) -> Prepared:
        """`options` of the profile, `operations` by name with theirs; `files` of the release by their names, as they
        are written from the profile's folder.
        """
        ...


@dataclass(frozen=True, slots=True)
class Offered:
    """One operation of a system, as its own description names it."""

    name: str
    """Its name there: `GetDeptInfo`."""
    says: str
    """What goes in and what comes out, in one line."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The operation's block under the adapter's name."""
    unfit: str = ""
    """Why the adapter cannot call it; empty where it can."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What `Adapter.sketch` reads in a system's description."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """The profile's block under the adapter's name."""
    operations: Sequence[Offered] = ()
    findings: Sequence[Finding] = ()
    """Why the description cannot be used at all."""


class Draw(Protocol):
    """Reads what a system says of itself (a WSDL), for a profile that is about to be written. Pure."""

    def __call__(self, name: str, files: Mapping[str, bytes]) -> Sketch:
        """`name`: the description among `files`, which also holds what it imports, by names as written from there."""
        ...


@dataclass(frozen=True, slots=True)
class Adapter:
    """One kind of transport. What it cannot do is None."""

    name: str
    says: str  # one line for `hisbus describe adapter`
    profile_options: type[Options]
    operation_options: type[Options]
    destination: Callable[[Link], Destination | BlockingDestination] | None = None
    source: Callable[[Link], Source] | None = None
    feed: Callable[[Link], Feed | BlockingFeed] | None = None
    feeds: Callable[[Any], bool] | None = None
    """For an adapter with a `feed`: whether an operation, by its options, can be read on from a cursor."""
    blocking: bool = False
    """True: `send`, `probe`, `pull` are plain functions, called in threads of the system's own."""
    failures: tuple[Failure, ...] = ()
    """Everything that its destination raises: what a profile has no word about."""
    replies: tuple[str, ...] = ()  # ways to misbehave that still are a reply: what it says is the profile's matter
    formats: tuple[str, ...] = ()
    """Formats that its bodies can have; the first is the default."""
    address: Address | None = None
    """For transports whose calls have an address of their own: HTTP."""
    serves: Callable[[Any], Collection[str]] | None = None
    """For sources whose callers name an operation (`Inbound.operation`): those of the profile's options."""
    prepare: Prepare | None = None
    """For transports whose profile names files that say how to call: SOAP. None: options are all that calls need."""
    sketch: Draw | None = None
    """For transports whose systems describe themselves in a file: `hisbus new profile --wsdl`."""
