"""Models of the texts in `mappings/`: what may be written, and what each key is for.

They check the form; whether paths, functions, tables and shapes exist is checked when the maps are
compiled. The adapter's own block is checked with the adapter's own model.
"""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from engine.settings.texts import Text
from engine.settings.units import Duration, wrong

Plain: TypeAlias = "str | int | float | bool"


class FromText(Text):
    """One value with its conditions."""

    from_: str = Field(alias="from")
    """Where the value comes from: `path or path | function(word)`, or `=text`."""
    when: str | None = None
    """A test; where it is false the field is left out."""
    required: bool = False
    """Without a value the message is refused, with the names of the field and of the place."""


class EachText(Text):
    """A list: one entry for each repeat of the source."""

    each: str
    """The repeats: a segment, an element, a list of the document."""
    when: str | None = None
    """A test of each repeat; where it is false the repeat is left out."""
    fields: "dict[str, FieldText] | None" = None
    """What an entry holds; paths are the repeat's own, one that begins with / starts at the root."""
    from_: str | None = Field(default=None, alias="from")
    """Instead of `fields`: entries are plain values."""
    distinct: str | None = None
    """A text field of the entries that no two may have alike: the second gets `.2` behind it, the third `.3`. What an
    entry is called so stays the same where others come and go, which its position does not.
    """
    required: bool = False
    """Without any entry the message is refused."""


class GroupText(Text):
    """Fields that stand or fall together."""

    fields: "dict[str, FieldText]"
    """What stands below this place."""
    when: str | None = None
    """A test; where it is false the whole group is left out."""


def _form(value: Any) -> str:
    if isinstance(value, dict):
        return "each" if "each" in value else "group" if "fields" in value else "from"
    return "plain"


FieldText: TypeAlias = Annotated[
    Annotated[Plain, Tag("plain")]
    | Annotated[FromText, Tag("from")]
    | Annotated[EachText, Tag("each")]
    | Annotated[GroupText, Tag("group")],
    Discriminator(_form),
]
"""A source in the grammar, a number or truth value that stands for itself, or one of the longer forms."""

MapText: TypeAlias = "dict[str, FieldText]"
"""Target path to source."""


class AskText(Text):
    """How an unanswered call is asked about."""

    by: str
    """Outgoing operation of this profile, of `effect: none`, that asks what became of a call."""
    absent_after: Duration | None = None
    """How long after the attempt "they have nothing" is believed; else 3 times the call's limit, at least 60s."""
    same: list[str] = Field(default_factory=list)
    """Fields of both shapes in which what is found must be what was asked for; else it is another's: a person looks."""


class MeaningText(Text):
    """What a reply means. Looked at in the order written here; transport success is not yet an answer."""

    status: dict[str, str] = Field(default_factory=dict)
    """HTTP status (`404`) or class (`5xx`) to `read` (go on below), `delivered`, `unavailable`, `in_doubt`,
    `unsent`, or a word of ours for a refusal. Else: 2xx is read, 429 unavailable, other 4xx refused, 5xx in doubt."""
    absent: str | None = None
    """A test of the reply that says "we have nothing of it" (`rows empty`): unsent."""
    code: str | None = None
    """Where their code stands."""
    text: str | None = None
    """Where their words for people stand."""
    delivered: list[str] = Field(default_factory=list)
    """Codes that mean yes."""
    refused: dict[str, str] = Field(default_factory=dict)
    """Codes that mean no, each with our word for it."""
    words: dict[str, str] = Field(default_factory=dict)
    """Where a code that is named here, but not as a yes, says too little: pieces of their words for people, each with
    our word for a refusal, or with `delivered`, `unavailable`, `unsent`, `in_doubt`. The first that stands in `text`
    counts."""
    unavailable: list[str] = Field(default_factory=list)
    """Codes that mean: not now, nothing was done."""
    unsent: list[str] = Field(default_factory=list)
    """Codes that mean: we have nothing of it."""
    in_doubt: list[str] = Field(default_factory=list)
    """Codes that mean: not known yet; it is asked about again."""
    otherwise: Literal["delivered", "in_doubt", "refused", "unavailable"] = "in_doubt"
    """What any other code, or none where one is expected, means."""


class OutgoingExample(Text):
    """A worked case: documentation, a test, and what `simulate` plays."""

    name: str
    """What the case shows."""
    at: str | None = None
    """When the message was received, ISO 8601; else 2026-11-20T09:00:00 in the site's zone."""
    given: dict[str, Any] = Field(default_factory=dict)
    """The document, and outcomes and replies of earlier steps under their names."""
    context: dict[str, str] = Field(default_factory=dict)
    """Other names that the map reads: `token`, `campus`, names of `settings`."""
    request: Any = None
    """What is sent: the text as it is on the wire, or the values of a row or of JSON."""
    address: dict[str, str] | None = None
    """Values of the address."""
    status: int | None = None
    """HTTP status of the reply."""
    reply: Any = None
    """What they answer: text, values of JSON, or `{rows: […], count: n}`."""
    outcome: str = "delivered"
    """What it means: `delivered`, `unavailable`, `in_doubt`, `unsent`, or `refused: word`."""
    gives: dict[str, Any] | None = None
    """The reply as our shape."""


class IncomingExample(Text):
    """A worked case: a message of theirs and what we make of it."""

    name: str
    """What the case shows."""
    at: str | None = None
    """When it was received, ISO 8601; else 2026-11-20T09:00:00 in the site's zone."""
    message: Any
    """The message: text as it is on the wire, or the values of a row or of JSON."""
    charset: str = "utf-8"
    """Character set in which the text is put on the wire."""
    gives: dict[str, Any] | None = None
    """The document."""
    refused: str | None = None
    """Instead of `gives`: the field whose value is refused."""
    answer: dict[str, Any] | None = None
    """The answer as our shape, for a `say` that takes one."""
    says: Any = None
    """What `say` makes of it, or `refuse` of the refusal."""


class OutgoingText(Text):
    """One operation: bus to system. The adapter's options stand under the adapter's name."""

    says: str = ""
    """One line for people."""
    takes: str | None = None
    """Shape of the document that is sent; paths of `request` and `address` are checked against it."""
    gives: str | None = None
    """Shape that `reply` makes."""
    effect: Literal["none", "change", "money"]
    """What the operation does to the system: nothing, a change, or something about money."""
    repeatable: bool = False
    """True: the system takes the same call twice and does it once; unclear calls may be sent again."""
    ask: AskText | None = None
    """How an unanswered call is asked about."""
    format: str | None = None
    """Format of the request, where it is not the profile's."""
    reply_format: str | None = None
    """Format of the reply, where it is not the request's."""
    request: MapText = Field(default_factory=dict)
    """Their field: our source. Nothing written: an empty body."""
    address: MapText = Field(default_factory=dict)
    """Values that the call's address needs (HTTP path and query)."""
    reply: MapText = Field(default_factory=dict)
    """Our field: their source."""
    meaning: MeaningText = Field(default_factory=MeaningText)
    """What a reply means."""
    seal: dict[str, Any] | str | None = None
    """How each attempt is enciphered and signed anew; laid over the profile's key by key."""
    validate_: Literal["always", "sample", "never"] = Field(default="never", alias="validate")
    """Whether what was built is validated against the format's own rules while messages flow."""
    examples: list[OutgoingExample] = Field(default_factory=list)
    """Worked cases, run by `hisbus test`."""


class PollText(Text):
    """How a system is asked for what it does not send by itself."""

    by: str
    """Outgoing operation of this profile, of `effect: none`, that is asked: it gets `from`, `to` and `campus`."""
    each: str
    """The list in its reply whose entries are the messages."""
    back: Duration = 3600.0
    """How much of the time before the last good run is asked for again, for what was entered late."""
    ahead: Duration = 0.0
    """How far into the future is asked for: of schedules, days that have not come yet."""


class IncomingText(Text):
    """One kind of message: system to bus."""

    says: str = ""
    """One line for people."""
    operation: str | None = None
    """What it comes as, where the transport says so: an operation of the SOAP service that is served to the system."""
    match: str | None = None
    """A test of the message; nothing written: every message is of this kind."""
    gives: str
    """Shape that `read` makes, or that each entry of what `poll` brings is."""
    read: MapText = Field(default_factory=dict)
    """Our field: their source."""
    poll: PollText | None = None
    """Instead of `read`: the system does not send it, it is asked for it by the schedule of a route."""
    feed: str | None = None
    """The system does not send it: the schedule of a route reads it on from a cursor, row by row, by this outgoing
    operation, and `read` reads each row."""
    empty: MapText = Field(default_factory=dict)
    """With `feed`: the one message of a run that found nothing, for routes with `schedule: {empty: send}`. Our field: a
    fixed text, a name of `settings`, or `$day`, the day before the run's."""
    count: str | None = None
    """With `feed`: an outgoing operation that gets `day` and gives `count`, how many messages of this kind there should
    be of a day. `hisbus completeness` asks it."""
    takes: str | None = None
    """Shape of the answer that `say` words; else it reads the message's own document."""
    say: MapText = Field(default_factory=dict)
    """Their field of the answer: our source. HL7 acknowledgements need none."""
    refuse: MapText = Field(default_factory=dict)
    """Their field of a refusal: `code`, `text`, `english`, `detail`, `spot`. Without it a refusal is a SOAP Fault, or
    the format's own."""
    examples: list[IncomingExample] = Field(default_factory=list)
    """Worked cases, run by `hisbus test`."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.read) == (self.poll is not None):
            raise wrong("a kind of message is either read or asked for", "write read: or poll:")
        if self.empty and self.feed is None:
            raise wrong("only a run of a feed can be empty", "write feed:, or leave empty out")
        if self.count and self.feed is None:
            raise wrong("only what is read on from a cursor is counted", "write feed:, or leave count out")
        asked = self.poll is not None or self.feed is not None
        if asked and (self.match or self.operation or self.say or self.refuse):
            raise wrong(
                "what is asked for is not called and not answered", "leave match, operation, say and refuse out"
            )
        return self


class ProfileText(Text):
    """Everything one kind of system needs, without an address. The adapter's and the format's options stand
    under their own names.
    """

    profile: str
    """Its name, `role/vendor`: the same as its file's."""
    says: str = ""
    """One line for people."""
    like: str | None = None
    """Another profile that this one begins as; what stands here is laid over it, key by key, null takes away."""
    adapter: str
    """The transport: `hisbus describe adapter` lists them."""
    format: str | None = None
    """hl7, json, xml, delimited or row; else the adapter's first."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Names that the maps read as `$name` and `config/` gives values to, each with what it is."""
    tables: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Code tables of this system, ours: theirs; one of the same name in `tables/` is hidden."""
    seal: dict[str, Any] | str | None = None
    """Signature, and cipher, of every outgoing operation: a name (`app-hmac`), or a block (engine/sealing)."""
    request: MapText = Field(default_factory=dict)
    """What every request begins with; an operation's own is laid over it, null takes away."""
    meaning: MeaningText = Field(default_factory=MeaningText)
    """What replies mean, for every outgoing operation; its own is laid over it key by key, null takes away."""
    contracts: dict[str, Any] | None = None
    """In the channel's profile: the unified operations that it offers (engine/channel)."""
    incoming: dict[str, IncomingText] = Field(default_factory=dict)
    """Kinds of messages that it sends; the first whose `match` holds is taken."""
    outgoing: dict[str, OutgoingText] = Field(default_factory=dict)
    """Operations that it offers."""


class BetweenText(Text):
    """A map from one of our shapes to another: `mappings/between/<name>.yaml`."""

    between: str
    """Its name, the same as its file's; steps name it in `map:`."""
    says: str = ""
    """One line for people."""
    takes: str | None = None
    """Shape that it reads."""
    gives: str
    """Shape that it makes."""
    fields: MapText
    """Target: source."""
    examples: list[OutgoingExample] = Field(default_factory=list)
    """Worked cases: `given` and `gives`."""


Kind: TypeAlias = Literal["text", "integer", "decimal", "money", "date", "instant", "boolean", "code", "object", "list"]


class FieldSpec(Text):
    """One field of a shape, in its long form; the short form is the type's name alone."""

    type: Kind = "text"
    """text; integer; decimal (exact, carried as text); money (whole 分); date (1990-01-02); instant (ISO 8601 with
    offset); boolean; code (one of `codes`); object (`fields`); list (`of` or `fields`)."""
    required: bool = False
    """Must have a value; a list, at least one entry. One that need not is empty then."""
    says: str = ""
    """What it is."""
    length: int | None = Field(default=None, gt=0)
    """Characters that a text may have."""
    codes: list[str] | dict[str, str] = Field(default_factory=list)
    """Words that a code may be; as a mapping, each with what it means."""
    of: str | None = None
    """Type of a list's entries where they are plain values."""
    fields: "dict[str, str | FieldSpec]" = Field(default_factory=dict)
    """Fields of an object, or of each entry of a list."""


class ShapeText(Text):
    """One of our documents: `mappings/shapes/<name>.yaml`."""

    shape: str
    """Its name, the same as its file's."""
    says: str = ""
    """One line for people."""
    find: dict[str, str] = Field(default_factory=dict)
    """Kind (`patient`, `order`) to the field by which a message is found again; kept as keyed hashes."""
    fields: dict[str, str | FieldSpec]
    """Its fields."""


EachText.model_rebuild()
GroupText.model_rebuild()
