"""What the plain formats share: one message a body, equality by bytes, an envelope as the answer."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from engine.base.errors import BusError


class Plain:
    """Base of the formats whose bodies are one message and whose protocol has no acknowledgement of its own."""

    def split(self, raw: bytes) -> list[bytes]:
        return [raw]

    def digest(self, raw: bytes) -> bytes:
        return hashlib.sha256(raw).digest()

    def acknowledge(
        self,
        raw: bytes,  # noqa: ARG002 - the words need no original
        results: Sequence[tuple[bytes, BusError | None]],
        made: Mapping[str, Any],
        *,
        batch: bool,  # noqa: ARG002 - never one here
    ) -> tuple[bytes, ...]:
        error = next((error for _, error in results if error is not None), None)
        return (self.worded(_told(error) | {"traceId": str(made.get("id", ""))}),)

    def worded(self, told: Mapping[str, str]) -> bytes:
        """What became of a message, on the wire."""
        return orjson.dumps(told)


def _told(error: BusError | None) -> dict[str, str]:
    if error is None:
        return {"code": "OK", "message": "成功"}
    told = {"code": error.code.name, "message": error.code.kind.zh}
    return told | {"detail": error.detail} if error.detail else told
