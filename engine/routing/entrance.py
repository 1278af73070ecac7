"""Where a system's messages come in: what is taken there, and their first reading."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from engine.base.errors import BusError, Code
from engine.formats.format import Format, Hints
from engine.model import Incoming, Profile

_VERSIONS = ("2.",)


@dataclass(frozen=True, slots=True)
class Entrance:
    """What the site's settings say about one listening system."""

    system: str
    hints: Hints
    processing_ids: frozenset[str]
    """HL7 MSH-11 values that are taken (production, training, debugging)."""
    campuses: tuple[str, ...]
    """The first is meant where a message names none."""
    named: Mapping[str, str] = field(default_factory=dict)
    """What the site's settings give the profile to read as `$name`."""


def meant(profile: Profile, operation: str) -> Incoming | None:
    """The kind that an operation of the transport means before anything is read; None where that is not enough."""
    found = [each for each in profile.incoming.values() if operation and each.operation == operation]
    return found[0] if found else None


def parse(profile: Profile, raw: bytes, entrance: Entrance) -> Any:
    """What a system sent, as its format reads it. Raises BusError for what cannot be read or is not taken."""
    document = profile.format.parse(raw, entrance.hints)
    if profile.format.name == "hl7":
        _admit(document, profile.format, entrance)
    return document


def kind_of(profile: Profile, document: Any, operation: str) -> Incoming:
    """What kind of message it is; `operation`: what it came as, where the transport says so. Raises BusError."""
    for incoming in profile.incoming.values():
        called = not incoming.operation or not operation or incoming.operation == operation
        if called and incoming.matches(document):
            return incoming
    spot = "MSH-9" if profile.format.name == "hl7" else ""
    raise BusError(Code.UNSUPPORTED_MESSAGE, "nothing that this system may send looks like this", spot=spot)


def _admit(document: Any, format_: Format, entrance: Entrance) -> None:
    """HL7 chapter 2, §2.9.2: version and processing id are looked at before anything else."""
    version, processing = _header(format_)  # type: ignore[arg-type]  # formats are plain objects: hashed by identity
    if not str(version(document) or "2.").startswith(_VERSIONS):
        raise BusError(Code.UNSUPPORTED_VERSION, "MSH-12 is no version 2", spot="MSH-12")
    if str(processing(document) or "P") not in entrance.processing_ids:
        raise BusError(Code.PROCESSING_ID, "MSH-11 is not taken here", spot="MSH-11")


@lru_cache(maxsize=64)
def _header(format_: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    return format_.read("MSH-12").reader(), format_.read("MSH-11").reader()
