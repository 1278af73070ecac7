"""How keys and signatures are written as text."""

import base64
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["text", "hex", "base64"]
"""A key: its own characters in UTF-8, hexadecimal digits, or base64 (RFC 4648)."""

Encoding: TypeAlias = Literal["hex", "hex-upper", "base64"]
"""Bytes as text."""


def key_of(secret: str, form: str) -> bytes:
    """The key that a secret holds. Raises ValueError where it is not written so."""
    if form == "hex":
        return bytes.fromhex(secret)
    if form == "base64":
        return base64.b64decode(secret, validate=True)
    return secret.encode()


def written(data: bytes, encoding: str) -> str:
    """Bytes under one of the encodings."""
    if encoding == "base64":
        return base64.b64encode(data).decode()
    return data.hex().upper() if encoding == "hex-upper" else data.hex()
