r"""From MSH-18 to text: which codec a message is in, and what happens when its bytes say otherwise.

A message is decoded as a whole before it is split. GB 18030 and Big5 use 0x5C and 0x7C ("\" and "|")
as second bytes, so splitting first would cut characters; and a codec that turns out wrong is found
once, for all fields alike, not field by field while a map runs. Names: HL7 table 0211, and what is
sent in China beside it.
"""

from collections.abc import Mapping
from functools import lru_cache

_NAMES = {
    "ascii": "ascii",
    "unicode": "utf-8",  # analysers mean UTF-8
    "unicodeutf8": "utf-8",
    "unicodeutf16": "utf-8",  # the frame around it is made of single bytes, so it cannot be UTF-16
    "unicodeutf32": "utf-8",
    "utf8": "utf-8",
    "gb180302000": "gb18030",
    "gb18030": "gb18030",
    "gb2312": "gb18030",
    "gb23121980": "gb18030",
    "gbk": "gb18030",
    "chinese": "gb18030",
    "big5": "big5",
    "cns116431992": "big5",
    "88591": "latin-1",
    **{f"8859{part}": f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
}
_LABELS = {
    "ascii": "ASCII",
    "utf-8": "UNICODE UTF-8",
    "gb18030": "GB 18030-2000",
    "big5": "BIG-5",
    "latin-1": "8859/1",
}
CODECS = tuple(_LABELS)
"""Codecs that a profile may name."""

_GUESSES = ("utf-8", "gb18030", "latin-1")
"""Tried in this order where the declared codec does not fit; the last one fits every byte."""


@lru_cache(maxsize=256)
def known(declared: str) -> str | None:
    """The codec that an MSH-18 value names; None where the value is empty or nobody knows it."""
    return _NAMES.get("".join(mark for mark in declared.lower() if mark.isalnum()))


def label(codec: str) -> str:
    """What MSH-18 says for a codec (table 0211)."""
    return _LABELS[codec]


def declared_in(head: bytes) -> str:
    """MSH-18, first repetition, of an MSH segment still in bytes; empty where there is none."""
    line = head.decode("ascii") if head.isascii() else _first_fit(head)[0]
    if line.count(line[3:4]) < 17:
        return ""
    value = line.split(line[3], 18)[17]
    return value.split(line[5:6] or "~", 1)[0].strip()


def codec_for(declared: str, meanings: Mapping[str, str], warnings: list[str]) -> str | None:
    """The codec to try first; None: the message does not say. `meanings` are the profile's `declared:`."""
    if declared in meanings:
        return meanings[declared]
    codec = known(declared)
    if declared and codec is None:
        warnings.append("MSH-18 names a character set that is not known")
    return codec


def decode(raw: bytes, codec: str | None, warnings: list[str]) -> tuple[str, str]:
    """The text and the codec that fitted. Never raises; a guess is noted in `warnings`."""
    if codec is not None:
        try:
            return raw.decode(codec), codec
        except UnicodeDecodeError:
            warnings.append(f"the bytes are not {codec}, which was declared")
    text, found = _first_fit(raw)
    if codec is None and found == "utf-8":
        return text, found  # nothing declared, and it cannot well be anything else
    warnings.append(f"the character set was guessed: {found}")
    return text, found


def _first_fit(raw: bytes) -> tuple[str, str]:
    for codec in _GUESSES[:-1]:
        try:
            return raw.decode(codec), codec
        except UnicodeDecodeError:
            continue
    return raw.decode(_GUESSES[-1]), _GUESSES[-1]
