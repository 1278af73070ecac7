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


def first_line(body: bytes) -> bytes:
    """The bytes before the first CR or LF."""
    line = body.partition(b"\r")[0]
    return line.partition(b"\n")[0] if b"\n" in line else line


def declared_in(head: bytes) -> str:
    """MSH-18, first repetition, of an MSH segment still in bytes; empty where there is none."""
    line = head.decode("ascii") if head.isascii() else _first_fit(head)[0]
    fields = line.split(line[3:4] or None, 18)
    return fields[17].split(line[5], 1)[0].strip() if len(fields) > 17 else ""


def decode(body: bytes, codec: str, warnings: list[str]) -> tuple[str, str]:
    """The text, and the codec that it was read with.

    Never raises: bytes that do not fit `codec` are read as the first of UTF-8, GB 18030 and Latin-1 that
    takes them, which is noted in `warnings`.
    """
    try:
        return body.decode(codec), codec
    except UnicodeDecodeError:
        text, found = _first_fit(body)
        warnings.append(f"the bytes are not {codec}; they were read as {found}")
        return text, found


def codec_for(declared: str, meanings: Mapping[str, str], warnings: list[str]) -> str | None:
    """The codec that a value of MSH-18 means; None: it says nothing that is known."""
    if declared in meanings:
        return meanings[declared]
    if not declared:
        return None
    codec = known(declared)
    if codec is None:
        warnings.append("MSH-18 names a character set that is not known")
    return codec


def _first_fit(raw: bytes) -> tuple[str, str]:
    for codec in _GUESSES[:-1]:
        try:
            return raw.decode(codec), codec
        except UnicodeDecodeError:
            continue
    return raw.decode(_GUESSES[-1]), _GUESSES[-1]
