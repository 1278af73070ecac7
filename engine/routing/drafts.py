"""From a document that was read to a message that can be stored: its route, key, line and deliveries."""

import hashlib
import json
from collections.abc import Mapping
from typing import TypeAlias

from engine.base.clock import to_micros
from engine.base.errors import BusError, Code
from engine.model import Context, Find, Incoming, NewMessage, Rider, Shape
from engine.routing.entrance import Entrance
from engine.routing.messages import Message
from engine.routing.plan import Route, deliveries
from engine.routing.release import Release

Draft: TypeAlias = tuple[NewMessage, Message]
"""What the journal stores, and what the steps read."""


def drafted(
    release: Release, entrance: Entrance, kind: Incoming, document: Shape, context: Context, size: int
) -> Message:
    """The message of a document: checked against its shape, on the route that takes it. Raises BusError."""
    route = release.route_of(entrance.system, kind.name)
    shape = release.shape(kind.gives)
    if broken := shape.check(document):
        raise BusError(Code.VALIDATION_FAILED, broken[0], spot=broken[0].split(" ", 1)[0])
    campus = document.get("campus")
    campus = campus if campus in entrance.campuses else entrance.campuses[0]
    return Message(release, route, document, context, campus, size, entrance.system)


def new_message(
    message: Message,
    system: str,
    client: str,
    raw: bytes,
    digest: bytes,
    meta: Mapping[str, str],
    riders: tuple[Rider, ...] = (),
) -> NewMessage:
    """What the journal stores of it. `client`: the peer's name, where the transport proves one."""
    route, document, context = message.route, message.document, message.context
    return NewMessage(
        id=context.values["message_id"],
        route=route.name,
        release=message.release.digest,
        received=to_micros(context.received),
        sender=f"{system}\x1f{client}\x1f{message.campus}",
        key=route.key.of(document) if route.key else None,
        digest=digest,
        other_content=route.key.other_content if route.key else "conflict",
        raw=raw,
        deliveries=deliveries(route, document, message.campus),
        finds=finds_of(message.release, route, document, message.system, message.campus),
        riders=riders,
        meta=meta,
    )


def finds_of(release: Release, route: Route, document: Shape, system: str, campus: str) -> tuple[Find, ...]:
    """By what a message is found again: by people, and by what corrects it."""
    found, amending = release.finds(route.shape, document), route.amending(document, system, campus)
    return found if amending is None else (*found, amending)


def bytes_of(document: Shape) -> bytes:
    """One text for one content, in whatever order its fields come. Raises BusError for text that is none."""
    try:
        return json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    except (TypeError, UnicodeError):
        raise BusError(Code.VALIDATION_FAILED, "an item holds what no JSON can carry") from None


def digest_of(content: bytes) -> bytes:
    """What "the same content" means for the bytes of a document: one thing may be told in several forms, pushed as
    XML and found by asking.
    """
    return hashlib.sha256(content).digest()
