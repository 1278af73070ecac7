"""The text of the unified API: what stands under `contracts:` in the channel's profile.

Every docstring here is the reference. Paths like `patient.id` name places in our own documents;
names of parameters and fields are those that applications see (endpoint-catalog §0).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from engine.base.errors import Code
from engine.channel.masking import Mask
from engine.model import Effect
from engine.settings.texts import Text
from engine.settings.units import wrong

Place = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
Type = Literal["text", "id", "phone", "integer", "decimal", "money", "boolean", "date", "time", "list", "object"]


def _code(value: Any) -> Any:
    if isinstance(value, str):
        if value not in Code.__members__:
            raise wrong(f"{value!r} is no code of the error table", f"one of: {', '.join(Code.__members__)}")
        return Code[value]
    return value


ErrorCode = Annotated[Code, BeforeValidator(_code), WithJsonSchema({"type": "string", "enum": list(Code.__members__)})]


def _same(value: Any) -> Any:
    return {word: word for word in value} if isinstance(value, list) else value


Words = Annotated[
    dict[str, str],
    BeforeValidator(_same),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]


class FieldText(Text):
    """One parameter or field. Where only its place matters, the place alone may stand: `reportId: report_id`."""

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        return {"at": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        block = handler.resolve_ref_schema(handler(core))
        return {"description": block.get("description", ""), "anyOf": [{"type": "string"}, block]}

    at: Place | Literal["."]
    """Where it stands in our document; inside a list, in its entry. `.` for an object whose fields stand beside it."""
    type: Type = "text"
    """`text`; `id` (letters, digits, `. _ : -`); `phone`; `integer`; `decimal` (a number of JSON, text in our
    documents); `money` (whole 分); `boolean`; `date` (yyyy-MM-dd); `time` (ISO 8601 with its offset); `list` and
    `object`, which have `fields`."""
    says: str = ""
    """What it means, for the reference page."""
    required: bool = False
    """In a request: must be given. In a reply: a system that leaves it out has answered wrongly."""
    words: Words = Field(default_factory=dict)
    """The words it can be, as applications see them, with ours behind; a list where they are the same."""
    longest: int = Field(default=200, ge=1, le=10_000)
    """The most characters of a text or id (an id has 64 at most), or entries of a list, in a request."""
    mask: Mask | None = None
    """The kind of personal data it is: shown masked unless the caller may see it in clear."""
    only: dict[Place, list[str]] = Field(default_factory=dict)
    """In a reply: a list's entries are left out unless each of these places holds one of its words."""
    without: dict[Place, list[str]] = Field(default_factory=dict)
    """In a reply: a list's entries are left out where one of these places holds one of its words."""
    fields: dict[str, FieldText] = Field(default_factory=dict)
    """The fields of a `list`'s entries or of an `object`; a list without fields is one of texts."""


class RequestText(Text):
    """What is asked with, and where each value stands in our document."""

    path: dict[str, FieldText] = Field(default_factory=dict)
    """The `{names}` of the path; they are always required."""
    query: dict[str, FieldText] = Field(default_factory=dict)
    """Parameters behind the `?`."""
    body: dict[str, FieldText] = Field(default_factory=dict)
    """Fields of the JSON body."""
    needs: list[list[str]] = Field(default_factory=list)
    """Groups of parameters or fields, all of query or all of body: at least one group must be given whole."""
    caller: dict[Literal["client", "campus", "channel"], Place] = Field(default_factory=dict)
    """What is known of the caller and stands in the document too; a parameter at the same place must say the same."""


class ReplyText(Text):
    """What `data` holds: a list, one entry for each found at `each`, or an object."""

    each: Place | None = None
    """The list in our document that `data` is made of; without it `data` is one object."""
    only: dict[Place, list[str]] = Field(default_factory=dict)
    """Entries are left out unless each of these places holds one of its words."""
    fields: dict[str, FieldText]
    """The fields of `data`, or of each of its entries."""


class RefuseText(Text):
    """When a document that was found is not shown after all."""

    at: Place
    """The place that decides. Without `among` and `but`: refused when nothing stands there, or an empty list."""
    among: list[str] = Field(default_factory=list)
    """Refused when one of these words stands there."""
    but: list[str] = Field(default_factory=list)
    """Refused when anything but these words stands there."""
    code: ErrorCode
    """The error that is answered."""
    zh: str = ""
    """What the user reads; without it the code's own text."""
    en: str = ""
    """The same in English."""


class ExampleText(Text):
    """A call and its answer, for the reference page; played by the tests against the contract."""

    name: str
    """What it shows."""
    path: str
    """The path with its query, below the base."""
    body: dict[str, Any] | None = None
    """The JSON body."""
    asks: dict[str, Any] | None = None
    """The document that comes out of it; without it the request itself is refused with `error`."""
    served: dict[str, Any] | None = None
    """The document that the system behind gives; without it that system refuses, which `error` says."""
    data: Any = None
    """What the application gets as `data`."""
    error: ErrorCode | None = None
    """Or the error that it gets."""


class OperationText(Text):
    """One operation of the unified API."""

    says: str
    """What it is for, in one line."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    """The HTTP method."""
    path: Annotated[str, StringConstraints(pattern=r"^(/([A-Za-z0-9_-]+|\{[a-zA-Z][a-zA-Z0-9]*\}))+$")]
    """The path below the base, with `{names}`."""
    scope: Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[a-zA-Z]+)+$")]
    """What a caller must be allowed to."""
    effect: Effect
    """`none` reads only, `change` and `money` change something behind."""
    key: Literal["required", "none"] = "none"
    """Whether the caller must send an `Idempotency-Key`."""
    subject: Place | None = None
    """Whom it is about, for the audit: looked for in what was found, then in what was asked."""
    request: RequestText = RequestText()
    """What is asked with."""
    reply: ReplyText
    """What is answered."""
    refuse: list[RefuseText] = Field(default_factory=list)
    """When what was found is not shown; the first that holds decides."""
    errors: list[ErrorCode] = Field(default_factory=list)
    """Errors of its own that it may answer, beside the common ones and those of `refuse`."""
    examples: list[ExampleText] = Field(default_factory=list)
    """Calls and answers."""


class MessageText(Text):
    """The words for one error at this site."""

    zh: str
    """In Chinese."""
    en: str = ""
    """In English; without it the bus's own."""


class ContractsText(Text):
    """The unified API of a site."""

    base: Annotated[str, StringConstraints(pattern=r"^(/[a-z0-9]+)*$")] = "/api/v1"
    """What every path begins with."""
    signature: Literal["app-hmac", "app-hmac-sm3"] = "app-hmac"
    """How callers sign."""
    channels: list[str] = Field(default_factory=list)
    """The words that `X-Channel` may be."""
    messages: dict[str, MessageText] = Field(default_factory=dict)
    """Words for users that differ from the bus's own, by error code."""
    parts: list[str] = Field(default_factory=list)
    """Files below `mappings/contracts/` with more operations, one for each domain: `patients`."""
    operations: dict[str, OperationText] = Field(default_factory=dict)
    """The operations by name."""


class PartText(Text):
    """Operations of one domain, in a file of their own."""

    operations: dict[str, OperationText]
    """The operations by name."""


FieldText.model_rebuild()
