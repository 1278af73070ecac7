"""A refusal as a document: what `refuse:` of an incoming kind words for the system that sent it."""

from engine.base.errors import BusError
from engine.mapping.shapes import Document, ShapeField
from engine.model import Shape

_FIELDS = {
    "code": "Our code, like VALIDATION_FAILED.",
    "text": "For people, in Chinese.",
    "english": "The same in English.",
    "detail": "Which field or place is meant; never a value.",
    "spot": "The place inside the message.",
}

DOCUMENT = Document("refusal", {name: ShapeField(name, "text", says=says) for name, says in _FIELDS.items()})
"""What can be read under `refuse:`."""


def of(error: BusError) -> Shape:
    """The document of a refusal."""
    kind = error.code.kind
    return {
        "code": error.code.name,
        "text": kind.zh,
        "english": kind.en,
        "detail": error.detail or None,
        "spot": error.spot or None,
    }
