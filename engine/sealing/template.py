"""Texts with `{names}` in them: what is signed, and what stands in a header.

Known names: `method`, `path` (with its query), `timestamp`, `nonce`, `user`, `secret`, `body`,
`body.md5`, `body.sha256`, `body.sm3` (lower-case hex), in headers also `signature`, and the names a
text declares under `values`. `.upper` behind a name gives it in upper case.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.base.where import did_you_mean
from engine.sealing.digests import DIGESTS, digest

_NAME = re.compile(r"\{([a-z0-9_.]+)\}")

NAMES = ("method", "path", "timestamp", "nonce", "user", "secret", "body", *(f"body.{name}" for name in DIGESTS))
"""What may stand in the text that is signed."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything of one call that a signature may cover. Printing it prints neither body nor secret."""

    method: str = ""
    path: str = ""
    """With its query, percent-encoded, as it stands in the request line."""
    body: bytes = field(default=b"", repr=False)
    timestamp: str = ""
    nonce: str = ""
    user: str = ""
    secret: str = field(default="", repr=False)
    signature: str = ""


Piece: TypeAlias = Callable[[Parts], bytes]


class TemplateError(Exception):
    """A name that nobody knows; `hint` says which ones there are."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Template:
    """A text compiled to pieces."""

    names: tuple[str, ...]
    alone: str | None
    """The one name that the whole text is, or None."""
    pieces: tuple[Piece, ...]

    def fill(self, parts: Parts) -> bytes:
        """The text with its names filled in, as UTF-8."""
        return b"".join(piece(parts) for piece in self.pieces)


def compile_template(text: str, values: Mapping[str, str], known: Collection[str] = NAMES) -> Template:
    """Raises TemplateError for a name that is neither in `known` nor in `values`."""
    names: list[str] = []
    pieces: list[Piece] = []
    for index, part in enumerate(_NAME.split(text)):
        if index % 2 == 0:
            if part:
                pieces.append(_constant(part))
            continue
        name = part.removesuffix(".upper")
        if name not in known and name not in values:
            raise TemplateError(f"{{{part}}} is not known here", did_you_mean(name, [*known, *values]))
        names.append(name)
        piece = _constant(values[name]) if name in values else _piece(name)
        pieces.append(_upper(piece) if part != name else piece)
    whole = _NAME.fullmatch(text)
    return Template(tuple(names), whole[1] if whole else None, tuple(pieces))


def _constant(text: str) -> Piece:
    raw = text.encode()
    return lambda _parts: raw


def _piece(name: str) -> Piece:
    if name == "body":
        return lambda parts: parts.body
    if name.startswith("body."):
        algorithm = name.removeprefix("body.")
        return lambda parts: digest(algorithm, parts.body).hex().encode()
    return lambda parts: str(getattr(parts, name)).encode()


def _upper(piece: Piece) -> Piece:
    return lambda parts: piece(parts).upper()
