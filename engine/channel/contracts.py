"""The operations of the unified API, compiled from `contracts:` of the channel's profile."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.base.errors import Code
from engine.channel.errors import all_errors_of
from engine.channel.parts import gathered
from engine.channel.refusal import Words
from engine.channel.reply import Builder, at, compile_reply
from engine.channel.request import Reader, compile_request
from engine.channel.router import Router
from engine.channel.texts import ContractsText, FieldText, OperationText
from engine.model import Effect
from engine.settings.nodes import Node
from engine.settings.problems import Problems
from engine.settings.texts import validate

_NAMES = re.compile(r"\{([a-zA-Z0-9]+)\}")


@dataclass(frozen=True, slots=True)
class Contract:
    """One operation: what is asked, what is answered, and who may."""

    operation: str
    scope: str
    effect: Effect
    key: bool
    """Whether an `Idempotency-Key` must come with it."""
    subject: Callable[[Any], Any]
    """Whom a document is about, None where it does not say."""
    read: Reader
    build: Builder
    errors: frozenset[Code]
    """What it may answer beside the good."""
    places: Mapping[str, str]
    """Places of our document to the parameters and fields that fill them, as applications name them."""
    text: OperationText


@dataclass(frozen=True, slots=True)
class Contracts:
    """The unified API of one release of the texts."""

    base: str
    signature: str
    channels: frozenset[str]
    messages: Mapping[Code, Words]
    operations: Mapping[str, Contract]
    router: Router[Contract]
    node: Node = field(repr=False)
    """The text, for findings."""


def load_contracts(profile: str, texts: Mapping[str, bytes], problems: Problems) -> Contracts | None:
    """The contracts of a channel's profile, whose texts stand in `texts` by their names below `mappings/`; None and
    findings where they cannot be used.
    """
    node = gathered(profile, texts, problems)
    return compile_contracts(node, problems) if node is not None else None


def compile_contracts(node: Node, problems: Problems) -> Contracts | None:
    """The contracts of a `contracts:` block."""
    text = validate(ContractsText, node, problems)
    if text is None:
        return None
    router: Router[Contract] = Router()
    operations: dict[str, Contract] = {}
    for name, operation in text.operations.items():
        _check(node, name, operation, problems)
        contract = operations[name] = _contract(name, operation)
        taken = router.add(operation.method, text.base + operation.path, contract)
        if taken is not None:
            where = node.locate(["operations", name, "path"])
            problems.add(where, f"{operation.method} {operation.path} is {taken.operation!r} already")
    return Contracts(
        text.base,
        text.signature,
        frozenset(text.channels),
        _messages(node, text, problems),
        operations,
        router,
        node,
    )


def _contract(name: str, text: OperationText) -> Contract:
    return Contract(
        name,
        text.scope,
        text.effect,
        text.key == "required",
        at(text.subject) if text.subject else lambda _document: None,
        compile_request(text.request),
        compile_reply(name, text.reply, text.refuse),
        frozenset(all_errors_of(text)),
        {field.at: name for name, field in (text.request.path | text.request.query | text.request.body).items()},
        text,
    )


def _messages(node: Node, text: ContractsText, problems: Problems) -> dict[Code, Words]:
    said: dict[Code, Words] = {}
    for name, message in text.messages.items():
        if name not in Code.__members__:
            problems.unknown(node.locate(["messages", name]), "the error", name, Code.__members__)
            continue
        said[Code[name]] = Words(message.zh, message.en or Code[name].kind.en)
    return said


def _check(node: Node, name: str, text: OperationText, problems: Problems) -> None:
    """What the models cannot see: names of the path, types where they cannot be, keys without need."""
    here = ["operations", name]
    _check_names(node, here, text, problems)
    if text.request.body and text.method in {"GET", "DELETE"}:
        problems.add(node.locate([*here, "request", "body"]), f"{text.method} carries no body")
    if text.key == "required" and text.effect is Effect.NONE:
        problems.add(node.locate([*here, "key"]), "a read needs no key", "leave 'key' out, or say what it changes")
    for part in ("path", "query"):
        for key, one in getattr(text.request, part).items():
            if one.type in {"list", "object"}:
                problems.add(node.locate([*here, "request", part, key]), f"a {part} value cannot be a {one.type}")
    for part, fields in (("request", text.request.body), ("reply", text.reply.fields)):
        inside = "body" if part == "request" else "fields"
        for key, one in fields.items():
            _check_field(node, [*here, part, inside, key], one, problems)


def _check_names(node: Node, here: list[str], text: OperationText, problems: Problems) -> None:
    """Names that say what stands elsewhere: those of the path, those of groups."""
    named = _NAMES.findall(text.path)
    for one in named:
        if one not in text.request.path:
            problems.add(node.locate([*here, "path"]), f"{{{one}}} has no place", f"name it under request: path: {one}")
    for one in text.request.path:
        if one not in named:
            problems.unknown(node.locate([*here, "request", "path", one]), "the path's name", one, named)
    known = text.request.body or text.request.query
    for index, group in enumerate(text.request.needs):
        for one in group:
            if one not in known:
                problems.unknown(node.locate([*here, "request", "needs", index]), "the field", one, known)


def _check_field(node: Node, way: list[str], text: FieldText, problems: Problems) -> None:
    if text.fields and text.type not in {"list", "object"}:
        problems.add(node.locate(way), f"a field of type {text.type} has no fields", "say type: list or type: object")
    if (text.only or text.without) and text.type != "list":
        problems.add(node.locate(way), f"a field of type {text.type} has no entries to leave out", "say type: list")
    if text.type == "object" and not text.fields:
        problems.add(node.locate(way), "an object needs its fields")
    if text.at == "." and text.type != "object":
        problems.add(node.locate(way), f"a field of type {text.type} needs a place of its own", "only objects have '.'")
    if text.words and text.type != "text":
        problems.add(node.locate(way), f"a field of type {text.type} has no words", "leave its type out")
    for key, inner in text.fields.items():
        _check_field(node, [*way, "fields", key], inner, problems)
