"""Which errors an operation may answer: those of every call, those of its kind, and its own."""

from engine.base.errors import Code
from engine.channel.texts import OperationText
from engine.model import Effect

COMMON = (
    Code.VALIDATION_FAILED,
    Code.SIGN_INVALID,
    Code.PERMISSION_DENIED,
    Code.NOT_FOUND,
    Code.METHOD_NOT_ALLOWED,
    Code.RATE_LIMITED,
    Code.TOO_LARGE,
    Code.BACKEND_REJECTED,
    Code.BACKEND_UNAVAILABLE,
    Code.BACKEND_TIMEOUT,
    Code.BACKEND_FORMAT,
    Code.BUSY,
    Code.INTERNAL,
)
"""Errors that every operation may answer."""

_WITH_BODY = (Code.NOT_READABLE, Code.UNSUPPORTED_MEDIA)
_CHANGING = (Code.RESULT_UNKNOWN, Code.STATE_CONFLICT)
_WITH_KEY = (Code.IDEMPOTENCY_CONFLICT, Code.IN_PROGRESS)


def errors_of(text: OperationText) -> list[Code]:
    """The errors that an operation may answer beside the common ones."""
    found = [rule.code for rule in text.refuse] + text.errors
    found += _WITH_BODY if text.request.body else ()
    found += _CHANGING if text.effect is not Effect.NONE else ()
    found += _WITH_KEY if text.key == "required" else ()
    return [code for code in dict.fromkeys(found) if code not in COMMON]


def all_errors_of(text: OperationText) -> list[Code]:
    """Every error that an operation may answer."""
    return [*COMMON, *errors_of(text)]
