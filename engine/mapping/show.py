"""One mapping shown field by field: what `hisbus try` and the console's "try" print."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.base.errors import BusError, Code
from engine.formats.format import Hints
from engine.mapping.compile import Map
from engine.mapping.library import Library
from engine.mapping.validation import held
from engine.model import Context, Incoming, Outgoing, Profile


@dataclass(frozen=True, slots=True)
class Seen:
    """One field on its way."""

    target: str
    source: str
    value: Any


@dataclass(frozen=True, slots=True)
class Shown:
    """What a mapping did. `error` names the field where it stopped."""

    map: str
    fields: tuple[Seen, ...]
    result: Any = None
    """The document, or what would be sent: bytes or a row."""
    address: Mapping[str, str] | None = None
    error: BusError | None = None


def incoming(library: Library, profile: Profile, kind: Incoming | None, raw: bytes, context: Context) -> Shown:
    """A message of theirs read as ours. `kind` None: the first kind that matches. Raises BusError where it
    cannot be read at all.
    """
    document = profile.format.parse(raw, Hints())
    found = kind or next((each for each in profile.incoming.values() if each.matches(document)), None)
    if found is None:
        return Shown("", (), error=_no_kind(profile))
    name = f"{profile.name} incoming.{found.name}.read"
    return _traced(name, library.maps[name], document, context)


def outgoing(
    library: Library, profile: Profile, operation: Outgoing, document: Mapping[str, Any], context: Context
) -> Shown:
    """A document of ours as it would be sent."""
    shown = _part(library, profile, operation, "request", document, context)
    values = _part(library, profile, operation, "address", document, context)
    fields = (shown.fields if shown else ()) + (values.fields if values else ())
    error = next((part.error for part in (shown, values) if part is not None and part.error is not None), None)
    name = f"{profile.name} outgoing.{operation.name}"
    if error is not None:
        return Shown(name, fields, error=error)
    try:
        built = held(operation.check, operation.build(document, context), context)
    except BusError as refused:
        return Shown(name, fields, error=refused)
    return Shown(name, fields, built.body, built.fields)


def between(library: Library, name: str, document: Mapping[str, Any], context: Context) -> Shown:
    """One of our shapes made from another."""
    full = f"between.{name}"
    return _traced(full, library.maps[full], document, context)


def _part(
    library: Library, profile: Profile, operation: Outgoing, part: str, document: Mapping[str, Any], context: Context
) -> Shown | None:
    name = f"{profile.name} outgoing.{operation.name}.{part}"
    return _traced(name, library.maps[name], document, context) if name in library.maps else None


def _traced(name: str, made: Map, document: Any, context: Context) -> Shown:
    seen: list[Seen] = []
    try:
        result = made.trace(document, context, lambda target, source, value: seen.append(Seen(target, source, value)))
    except BusError as error:
        return Shown(name, tuple(seen), error=error)
    return Shown(name, tuple(seen), result)


def _no_kind(profile: Profile) -> BusError:
    return BusError(Code.UNSUPPORTED_MESSAGE, f"no kind of {profile.name} matches: {', '.join(profile.incoming)}")
