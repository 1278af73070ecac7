"""The models of `routes.yaml`: what flows at a site. It names systems and operations, no vendor and no address.

A route takes one of three forms: one line (`to:`), `steps:`, or `gather:`. The whole grammar is read
here; what the engine cannot carry yet is said by `engine.settings.carried`.
"""

import re
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, PrivateAttr, model_validator
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema

from engine.base.where import Where
from engine.settings import nodes
from engine.settings.carried import say_not_carried
from engine.settings.forms import check_forms
from engine.settings.nodes import Node
from engine.settings.problems import Problems
from engine.settings.systems import Retry
from engine.settings.texts import Text, validate
from engine.settings.units import Duration, wrong

ONLY_STEP = "call"
"""The name of the one step of a route that is written in one line."""

AMENDS = "amends"
"""The name of the bus's own step of a route that amends."""

ACCEPTED = "accepted"
"""The answer point before every step: the message is on our disk."""

_TARGET = re.compile(r"[A-Za-z][\w-]*\.[A-Za-z][\w.-]*\Z")


def _target(value: str) -> str:
    if not _TARGET.match(value):
        raise wrong(f"{value!r} names no operation", "write system.operation, like his.book")
    return value


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Target: TypeAlias = Annotated[
    str, AfterValidator(_target), WithJsonSchema({"type": "string", "pattern": "^" + _TARGET.pattern[:-2] + "$"})
]
"""A system and its operation: `his.book`."""

OneOrMany: TypeAlias = Annotated[
    list[str],
    BeforeValidator(_many),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
"""A word, or a list of words."""


class Short(Text):
    """A block that may be written as the value of its first key alone."""

    first_key: ClassVar[str] = "by"

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        return {cls.first_key: value} if isinstance(value, str | int | float | list) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        block = handler.resolve_ref_schema(handler(core))
        short = {k: v for k, v in block["properties"][cls.first_key].items() if k not in {"title", "description"}}
        return {"description": block.get("description", ""), "anyOf": [short, block]}


class Key(Short):
    """What makes two messages the same: `message_no`, `[sender.id, message_no]`, or the long form."""

    by: OneOrMany
    """Paths of the message whose values together are the key."""
    other_content: Literal["conflict", "new"] = "conflict"
    """What the same key with other content is: a sender's mistake, or a new message (HL7 ids start again at 1)."""


class Lane(Short):
    """The line in which messages wait for those before them: `patient.id`, or `{by, name}`."""

    by: str
    """A path of the message: there is one line for each of its values."""
    name: str | None = None
    """A line shared by all routes that name it; without a name it is this route's own."""


class Step(Text):
    """One call to one system."""

    to: Target
    """The system and its operation, like `his.book`.
    `route.x` makes a message of that route instead, which has `from: route`."""
    map: str | None = None
    """A shape-to-shape map of `mappings/between/`, applied first; before a route it may read `parent`, the message."""
    needs: list[str] | None = None
    """Steps that must be done before; without it the step written before this one, `[]` for none."""
    when: str | None = None
    """The step is skipped unless this holds, like `status == final`."""
    within: Duration | None = None
    """The limit of one call; without it the system's `limits.total`."""
    retry: Retry | None = None
    """How long it is tried again; without it `delivery.retry`, and what a caller waits for as long as he waits."""
    refused: Literal["fail", "park"] = "fail"
    """What a refusal is: the end, which starts `on_failure`, or a person's turn."""
    hold: Literal["line", "nothing"] = "line"
    """What keeps waiting while this step is parked: its line, or nothing."""
    lane: Literal["route", "none"] = "route"
    """`none`: this step stands in no line, though its route names one."""
    each: str | None = None
    """With `to: route.x`: a list of the message or of an earlier reply (`find.reply.bookings`); each item becomes a
    message of that route. A step that needs this one waits until every delivery of these is final, and stands in no
    line. Its reply is `count`."""


class Answer(Text):
    """When the source is answered."""

    after: str | None = None
    """`accepted` (on our disk), or the step whose outcome is the answer. Without it: the last step for a
    channel's caller, `accepted` for everybody else."""
    within: Duration | None = None
    """How long a caller waits, 10 s unless said: what is unsent then is withdrawn, else he hears RESULT_UNKNOWN."""
    late: Literal["finish", "undo"] = "finish"
    """What becomes of work that is done after that time: it goes on, or `on_failure` undoes it."""


class Part(Text):
    """One of several systems that are asked at once."""

    to: Target
    """The system and its operation."""
    map: str | None = None
    """A shape-to-shape map of `mappings/between/`, applied first."""
    when: str | None = None
    """It is asked only if this holds."""
    within: Duration | None = None
    """The limit of the call."""


class Order(Short):
    """What orders the items: `reported_at`, or `{by, first}`."""

    by: str
    """A field of the items; those without a value come last."""
    first: Literal["least", "greatest"] = "least"
    """`greatest`: the newest, the highest comes first."""


class Merge(Text):
    """How the parts become one answer. A part that found nothing adds nothing; if no part answers, it is an error."""

    into: str
    """The list of the parts' shape that takes the items of all."""
    unique: str | None = None
    """Items with the same value of this field are one: the one of the part that is written first."""
    order: Order | None = None
    """What orders the items; without it they follow each other as the parts are written."""
    missing: Literal["say", "fail"] = "say"
    """A part that did not answer is named in the answer, with the error's code, or makes it fail."""


class Amends(Short):
    """How a message corrects an earlier one: `record_id`, or the long form. Steps with `refused: park` are amended."""

    by: str
    """A path of the message: what has the same value here is the same record, of one system at one campus."""
    accepted: Literal["park", "send"] = "park"
    """What becomes of a correction of what was accepted already: a person's turn, or sent like any other."""


class Cache(Short):
    """How long an answer may be given again: `10m`, or the long form. What is kept lies in this node's memory, for each
    campus and each question of its own; errors and incomplete answers are not kept.
    """

    first_key: ClassVar[str] = "for"

    for_: Duration = Field(alias="for")
    """How long it is as good as a new one: nothing tells the bus that it changed meanwhile."""
    stale: Duration | None = None
    """How old it may be to be given, marked as such, while the system behind is down; without it, never."""


class Schedule(Text):
    """When the bus asks by itself."""

    cron: str | None = None
    """Minute, hour, day, month, weekday in the site's zone, like `30 1 * * *`."""
    every: Duration | None = None
    """A fixed distance between two runs."""
    missed: Literal["run_once", "skip"] = "run_once"
    """What becomes of runs that were due while the bus was down."""
    batch: int = Field(default=500, ge=1)
    """Rows of a feed that are pulled at once. The next are pulled when fewer messages of the route are on their way."""
    empty: Literal["skip", "send"] = "skip"
    """Whether a run of a feed that found nothing sends the message that the kind's `empty` makes."""
    after: OneOrMany | None = None
    """Routes that go first: a run begins when theirs that were due by then have ended well, and none of their messages
    is on its way any more; what is parked is not waited for."""
    days: Literal["every", "work", "off"] = "every"
    """On which days it runs: all, worked ones, or days off, as `site.calendar` says. A missed run is made up for on any
    day."""


class Route(Text):
    """One flow: from where, under which key and in which line, to where, and when the source is answered."""

    from_: OneOrMany | None = Field(default=None, alias="from")
    """Kinds of message that start it, like `lis.result`, or `route`: what steps of other routes send here with
    `to: route.x`. A route named like a channel operation needs none."""
    key: Key | None = None
    """What makes two messages the same; a channel's caller brings its own (`Idempotency-Key`)."""
    lane: Lane | None = None
    """The line in which messages wait for those before them."""
    to: Target | None = None
    """One-line form: the system and operation that do it all."""
    map: str | None = None
    """One-line form: a shape-to-shape map, applied first."""
    within: Duration | None = None
    """One-line form: the limit of the call."""
    retry: Retry | None = None
    """One-line form: how long it is tried again."""
    refused: Literal["fail", "park"] = "fail"
    """One-line form: what a refusal is."""
    cache: Cache | None = None
    """How long an answer may be given again; for reads that are about nobody in particular."""
    steps: dict[str, Step] = Field(default_factory=dict)
    """Calls in the order written; each needs the one before it unless it says `needs`."""
    on_failure: dict[str, Step] = Field(default_factory=dict)
    """Steps that run when a step is refused or given up; never for a doubtful or parked one."""
    gather: dict[str, Part] = Field(default_factory=dict)
    """Systems that are asked at once."""
    merge: Merge | None = None
    """How the parts of `gather` become one answer."""
    answer: Answer = Answer()
    """When the source is answered."""
    schedule: Schedule | None = None
    """When the bus asks by itself."""
    amends: Amends | None = None
    """What a message has in common with an earlier one that it corrects: where that one is parked or has not begun, it
    is sent with the content of the new one, in its old place."""

    def step_names(self) -> list[str]:
        """The names of all steps in the order of their numbers, the bus's own last."""
        return [*self.all_steps(), *self.on_failure, *([AMENDS] if self.amends is not None else [])]

    def all_steps(self) -> dict[str, Step]:
        """The steps of every form: a one-line route has one, named `call`; parts of `gather` need no other."""
        if self.gather:
            return {
                name: Step.model_construct(to=part.to, map=part.map, when=part.when, within=part.within, needs=[])
                for name, part in self.gather.items()
            }
        if self.to is None:
            return self.steps
        one = Step.model_construct(  # values that are checked already
            to=self.to, map=self.map, within=self.within, retry=self.retry, refused=self.refused
        )
        return {ONLY_STEP: one}


class RoutesText(Text):
    """All flows of a site by their names."""

    routes: dict[str, Route] = Field(default_factory=dict)
    """A dotted name is the channel operation it serves; others name what starts them in `from`."""

    _node: Node = PrivateAttr()

    def where(self, *path: str | int) -> Where:
        """The place of something in the text: `where("routes", "lab_result", "steps", "store", "to")`."""
        return self._node.locate(path)


def load_routes(text: str, file: str, problems: Problems) -> RoutesText | None:
    """The routes of a text, or None when it cannot be used: `problems` has every finding then."""
    before = len(problems)
    node = nodes.parse(text, file, problems)
    if node is None:
        return None
    say_not_carried(node, problems)
    check_forms(node, problems)
    routes = validate(RoutesText, node, problems)
    if routes is None or len(problems) > before:
        return None
    routes._node = node  # noqa: SLF001 - the text keeps its own places
    return routes
