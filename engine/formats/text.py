"""Characters from bytes, for every format whose bodies are text."""

import codecs
from datetime import date
from decimal import Decimal
from typing import Any

from engine.base.errors import BusError, Code

_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "euc_cn": "gb18030", "cp936": "gb18030"}
"""What senders declare, and the character set that holds all they really send."""


def codec(name: str) -> str | None:
    """Python's name for a declared character set, widened to what is sent under it; None if unknown."""
    try:
        found = codecs.lookup(name.strip()).name
    except (LookupError, UnicodeEncodeError, ValueError):
        return None
    return _WIDER.get(found, found)


def decode(raw: bytes, charset: str) -> str:
    """The text of bytes. Raises BusError(NOT_READABLE) for an unknown set or bytes that do not fit it."""
    name = codec(charset)
    if name is None:
        raise BusError(Code.NOT_READABLE, "an unknown character set is declared")
    try:
        return raw.decode(name)
    except (UnicodeError, ValueError) as error:
        start = getattr(error, "start", 0)
        raise BusError(Code.NOT_READABLE, f"the bytes do not fit {name}", spot=f"byte {start}") from None


def plain(value: Any) -> str | None:
    """A plain value as it is written where everything is text; None for what is no plain value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    return repr(value) if isinstance(value, int | float) else None
