"""Opaque ids of other systems in URLs of ours: both ways, one spelling each, nothing lost."""

import re
from typing import Any

from engine.mapping.functions.kind import UNFIT, Apply, Unfit, function, text

_PLAIN = re.compile(r"[^A-Za-z0-9-]")
_ESCAPE = re.compile(r"_([0-9A-F]{2})")


@function(
    ("1805||438||1", "url_safe", "1805_7C_7C438_7C_7C1"), ("A-1", "url_safe", "A-1"), ("a_b", "url_safe", "a_5Fb"),
    ("号1", "url_safe", "_E5_8F_B71"),
)  # fmt: skip
def url_safe() -> Apply:
    """An id as it can stand in a URL: letters, digits and - stay, every other byte of its UTF-8 becomes _ and two
    hexadecimal digits. `from_url_safe` gives the id back.
    """
    return _safe


@function(
    ("1805_7C_7C438_7C_7C1", "from_url_safe", "1805||438||1"), ("A-1", "from_url_safe", "A-1"),
    ("a_b", "from_url_safe", UNFIT), ("_41", "from_url_safe", UNFIT),
)  # fmt: skip
def from_url_safe() -> Apply:
    """The id that `url_safe` was given. What `url_safe` does not write is refused, so an id has one spelling."""

    def apply(value: Any) -> str:
        written = text(value)
        try:
            found = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), written).encode("latin-1").decode("utf-8")
        except UnicodeError:
            raise Unfit("not an id of ours") from None
        if _safe(found) != written:
            raise Unfit("not an id of ours")
        return found

    return apply


def _safe(value: Any) -> str:
    return _PLAIN.sub(_escaped, text(value))


def _escaped(char: re.Match[str]) -> str:
    try:
        return "".join(f"_{byte:02X}" for byte in char[0].encode())
    except UnicodeEncodeError:
        raise Unfit("characters that no text has") from None
