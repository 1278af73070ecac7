"""One thing inside another: documents and bytes as text, and digests."""

import base64 as codec
import binascii
import hashlib
from typing import Any

import orjson

from engine.formats.json import dump
from engine.mapping.functions.kind import UNFIT, Apply, Unfit, function, text


@function(({"a": [1, "甲"]}, "json", '{"a":[1,"甲"]}'))
def json() -> Apply:
    """The value (text, object or list) as JSON text, to be carried inside another message."""
    return lambda value: dump(value).decode()


@function(('{"a":1}', "from_json", {"a": 1}), ("{", "from_json", UNFIT))
def from_json() -> Apply:
    """The value that a JSON text holds."""

    def apply(value: Any) -> Any:
        try:
            return orjson.loads(text(value))
        except orjson.JSONDecodeError:
            raise Unfit("not JSON") from None

    return apply


@function(("甲", "base64", "55Sy"), (b"\x00\x01", "base64", "AAE="))
def base64() -> Apply:
    """Text (as UTF-8) or bytes in base 64."""
    return lambda value: codec.b64encode(value if isinstance(value, bytes) else text(value).encode()).decode()


@function(("55Sy", "from_base64", "甲"), ("?", "from_base64", UNFIT))
def from_base64() -> Apply:
    """The text (UTF-8) that base 64 holds."""

    def apply(value: Any) -> str:
        try:
            return codec.b64decode(text(value), validate=True).decode()
        except (binascii.Error, ValueError):
            raise Unfit("not text in base 64") from None

    return apply


@function(("P1", "sha256", "fbeae7c18667b6987518f3ae61ed8b19038e5961e8e7368597428eff76e4842a"))
def sha256() -> Apply:
    """SHA-256 of the text (UTF-8) in lower-case hex: a stable name for an identifier, not a secret."""
    return lambda value: hashlib.sha256(text(value).encode()).hexdigest()
