"""From `name=value` on the command line to a request of the unified API, as the operation's contract has it."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import click

from engine.base.where import did_you_mean
from engine.channel.pages import flat
from engine.channel.texts import FieldText, OperationText, Type

_NO_TEXT: Final[frozenset[Type]] = frozenset({"integer", "decimal", "money", "boolean", "list", "object"})
"""Types whose values are no JSON strings."""


def request_of(text: OperationText, values: tuple[str, ...]) -> tuple[str, dict[str, Any] | None]:
    """The path below the base with its query, percent-encoded, and the body: None where no value is for it.
    Raises click.UsageError naming what cannot be understood.
    """
    pairs = _pairs(values)
    fields = {**text.request.path, **text.request.query}
    inside = dict(flat(text.request.body))
    for name in pairs:
        if name not in fields and name not in inside:
            raise click.UsageError(f"the operation takes no {name!r}; {did_you_mean(name, [*fields, *inside])}")
    missing = next((name for name in text.request.path if name not in pairs), None)
    if missing is not None:
        raise click.UsageError(f"give {missing}=…: it is part of the path {text.path}")
    path = re.sub(r"\{(\w+)\}", lambda found: quote(pairs[found[1]], safe=""), text.path)
    query = urlencode({name: value for name, value in pairs.items() if name in text.request.query})
    body: dict[str, Any] = {}
    for name, value in pairs.items():
        if name not in fields:
            _put(body, name, _value(name, inside[name], value))
    return f"{path}?{query}" if query else path, body or None


def _pairs(values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    wrong = next((name for name, equals, _ in pairs if not equals), None)
    if wrong is not None:
        raise click.UsageError(f"{wrong!r} is no name=value")
    return {name: value for name, _, value in pairs}


def _value(name: str, field: FieldText, given: str) -> Any:
    """Text as it stands; everything else is written as JSON has it."""
    if field.type not in _NO_TEXT:
        return given
    try:
        return json.loads(given)
    except ValueError:
        raise click.UsageError(f"{name} is of type {field.type}: write it as JSON does") from None


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *way, last = name.split(".")
    for part in way:
        body = body.setdefault(part, {})
    body[last] = value


def fields_of(text: OperationText) -> Mapping[str, Mapping[str, FieldText]]:
    """What an operation takes and gives, by where it stands."""
    return {
        "path": text.request.path,
        "query": text.request.query,
        "body": text.request.body,
        "data": text.reply.fields,
    }
