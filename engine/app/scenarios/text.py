"""Models of the texts in `tests/routes/`: a flow with memory as events in order."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from engine.base.where import did_you_mean
from engine.model import State
from engine.settings.routes import OneOrMany, Target
from engine.settings.texts import Text
from engine.settings.units import Duration, wrong

Fields: TypeAlias = dict[str, Any]
"""Paths of a format, each with the value that is expected there. `null` expects nothing there; `$name` whatever stands
there the first time, and the same wherever `$name` is written again.
"""


def _instant(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise wrong(f"{value!r} is no instant", "write it like 2026-11-20T09:00:00+08:00") from None
    return value


class Sent(Text):
    """What a system sends, and where it comes in."""

    to: str
    """The system whose listener gets it, by its name in `config/`."""
    campus: str | None = None
    """The listener of this campus, where the system has one of its own there."""
    operation: str = ""
    """What it calls, where its transport says so: an operation of the SOAP service that is served to it."""
    message: Any = None
    """The message: text as it is on the wire (HL7 with a segment on each line), or the values of JSON."""
    charset: str = "utf-8"
    """The character set in which the text of `message` goes over the wire."""
    file: str | None = None
    """Instead of `message`: a file beside this text, whose bytes are sent as they are."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.message is None) == (self.file is None):
            raise wrong("one thing is sent", "write message: or file:")
        return self


class SendEvent(Text):
    """A system sends a message to the bus."""

    send: Sent
    """What is sent, and where it comes in."""
    answer: Fields | list[Fields] | None = None
    """What the bus answers at once: paths of the system's format. A list where it answers more than once."""
    status: int | None = None
    """HTTP status of the answer."""


class Called(Text):
    """An operation of the unified API, and what an application asks with."""

    operation: str
    """The operation, like `appointment.book`."""
    key: str | None = None
    """Its `Idempotency-Key`."""
    client: str | None = None
    """Which client of the channel calls; the first one written, unless said."""
    campus: str | None = None
    """`X-Campus`."""
    values: dict[str, str] = Field(default_factory=dict)
    """Values for the `{names}` of its path, and of its query; `$name` is what an earlier event met so."""
    body: dict[str, Any] | None = None
    """The JSON body; `$name` likewise."""


class CallEvent(Text):
    """An application calls. What it hears later is a `heard` event."""

    call: Called
    """What it calls, and with what."""
    answer: Fields | None = None
    """What it hears at once: paths of the envelope, like `code` or `data.taskId`."""
    status: int | None = None
    """HTTP status of the answer."""


class HeardEvent(Text):
    """An application that waits hears its answer by now."""

    heard: Fields
    """What it hears: paths of the envelope, like `code` or `data.taskId`."""
    status: int | None = None
    """HTTP status of the answer."""
    which: int = Field(default=1, ge=1)
    """Which of those that have not been heard yet, the oldest first."""


class ExpectEvent(Text):
    """A system gets the next call that the bus makes to it, and what becomes of it."""

    expect: Target
    """The system and its operation, like `messages.send`. Each system's calls come in their order."""
    with_: Fields = Field(default_factory=dict, alias="with")
    """What stands in its body: paths of the format, or parameters of a statement; the others are not looked at."""
    address: Fields = Field(default_factory=dict)
    """What stands in its address: names of path and query."""
    reply: Any = None
    """What they answer: text as on the wire, the values of JSON, or `{rows: […], count: n}`."""
    status: int | None = None
    """HTTP status of their answer."""
    silence: Literal[True] | None = None
    """No answer comes, and nobody knows whether they read it: the call is in doubt."""
    unavailable: Literal[True] | None = None
    """They cannot be reached: surely nothing was read."""
    refused: str | None = None
    """The transport itself says no: a short word for it. What a reply means is the profile's matter."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        replied = True if self.reply is not None or self.status is not None else None
        if sum(said is not None for said in (replied, self.silence, self.unavailable, self.refused)) != 1:
            raise wrong(
                "one thing becomes of a call", "write reply:, status:, silence: true, unavailable: true or refused:"
            )
        return self


class FeedEvent(Text):
    """The bus reads a feed on: the page that it pulls next, and what it gets."""

    feed: Target
    """The system and the operation that it reads on, like `warehouse.visits_of`."""
    after: int | None = Field(default=None, ge=0)
    """Behind which row it goes on: so many have the pages of this feed brought until now; 0: from its beginning."""
    until: str | None = None
    """The day of the run, like `2026-11-21`: rows of it are left out where the operation's query says so."""
    rows: list[Any] = Field(default_factory=list)
    """The rows that there are, each as the values of its columns; none: `[]`."""
    more: bool = False
    """Whether there are others behind them: the bus pulls again."""
    unavailable: Literal[True] | None = None
    """The system cannot be reached."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.unavailable and (self.rows or self.more):
            raise wrong("who cannot be reached gives no rows", "leave rows and more out")
        return self


class NothingEvent(Text):
    """No call waits at a system."""

    nothing: OneOrMany
    """The system, or a list of them."""


class AdvanceEvent(Text):
    """Time passes. What has become due meanwhile happens then, once."""

    advance: Duration
    """How long."""


class StateEvent(Text):
    """How the steps of a message stand in the journal."""

    state: dict[str, State]
    """Step to its state; steps that are not named are not looked at."""
    message: int | None = Field(default=None, ge=1)
    """Which message of this scenario, counted from 1 as the journal kept them, refused ones too; else the last."""


class KeptEvent(Text):
    """Which messages the journal has kept."""

    kept: dict[str, int]
    """Route to the number of its messages; what is not named has none. `refused` counts what was not taken."""


KINDS = ("send", "call", "heard", "expect", "feed", "nothing", "advance", "state", "kept")


def _kind(value: Any) -> str:
    return next((kind for kind in KINDS if kind in value), "")


def _known(value: Any) -> Any:
    if not isinstance(value, dict) or not _kind(value):
        word = str(next(iter(value), "")) if isinstance(value, dict) else str(value)
        raise wrong(f"{word!r} is no event", did_you_mean(word, KINDS))
    return value


Event: TypeAlias = Annotated[
    Annotated[SendEvent, Tag("send")]
    | Annotated[CallEvent, Tag("call")]
    | Annotated[HeardEvent, Tag("heard")]
    | Annotated[ExpectEvent, Tag("expect")]
    | Annotated[FeedEvent, Tag("feed")]
    | Annotated[NothingEvent, Tag("nothing")]
    | Annotated[AdvanceEvent, Tag("advance")]
    | Annotated[StateEvent, Tag("state")]
    | Annotated[KeptEvent, Tag("kept")],
    Discriminator(_kind),
    BeforeValidator(_known),
]
"""One event, known by its first key."""


class ScenarioText(Text):
    """A flow with memory, played through the real route, mapping, delivery and journal on a moved clock."""

    scenario: str
    """What it shows."""
    at: Annotated[str, AfterValidator(_instant)] = "2026-11-20T09:00:00"
    """When it begins, ISO 8601; without an offset in the site's zone."""
    schedules: list[str] = Field(default_factory=list)
    """Routes whose schedule runs here; the others ask nobody."""
    events: list[Event] = Field(min_length=1)
    """What happens, in order."""
