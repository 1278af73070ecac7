"""What the sender of messages is answered: in its profile's words, in its format's, or as a fault of its transport."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.base import log
from engine.base.errors import BusError, Code
from engine.contract import Answer, Fault
from engine.mapping import refusals
from engine.model import Context, Incoming, Profile, Shape

_MEDIA = {"hl7": "application/hl7-v2", "xml": "application/xml"}
"""What an acknowledgement is where the transport says so; the other formats answer in JSON."""
_WORDED = {"json": "application/json", **_MEDIA}
"""What an answer in the profile's words is."""

_log = log.get("intake")


@dataclass(slots=True)
class Heard:
    """One message that came, and what became of it."""

    raw: bytes
    context: Context
    kind: Incoming | None = None
    """What kind it is, as far as that is known."""
    document: Shape | None = None
    error: BusError | None = None
    """Why it was refused; None: it is durable."""


def answer(profile: Profile, raw: bytes, heard: Sequence[Heard], made: Mapping[str, Any], *, batch: bool) -> Answer:
    """The answer to everything that came as one. `raw`, `made`, `batch`: as for the format's `acknowledge`."""
    error = next((one.error for one in heard if one.error is not None), None)
    status = error.code.kind.http if error else 200
    close = error is not None and error.code is Code.TOO_LARGE
    words = _words(heard[0]) if len(heard) == 1 and not batch else None
    name = profile.format.name
    if words is not None:
        return Answer((words,), status, {"content-type": _WORDED.get(name, "text/plain; charset=utf-8")}, close)
    bodies = profile.format.acknowledge(raw, [(one.raw, one.error) for one in heard], made, batch=batch)
    media = {"content-type": _MEDIA.get(name, "application/json")}
    return Answer(bodies, status, media, close, _fault(error) if error is not None else None)


def _words(heard: Heard) -> bytes | None:
    """The answer in the words of its kind; None where it has none, or cannot say this."""
    if heard.kind is None:
        return None
    words = heard.kind.say if heard.error is None else heard.kind.refuse
    document = heard.document if heard.error is None else refusals.of(heard.error)
    if words is None or document is None:
        return None
    try:
        said: bytes = words(document, heard.context)
    except Exception as error:  # noqa: BLE001 - generated code: what is durable stays so, whatever its answer looks like
        _log.error("wording_failed", id=heard.kind.name, error=type(error).__name__)
        return None
    return said


def _fault(error: BusError) -> Fault:
    kind = error.code.kind
    return Fault(error.code.name, kind.zh, kind.en, error.detail, theirs=kind.http < 500)
