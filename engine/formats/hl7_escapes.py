r"""Escape sequences, both ways (HL7 v2.8.2 chapter 2, §2.7).

Reading turns delimiters, hexadecimal bytes and formatting commands into plain text. What has no
meaning in plain text (highlighting, fill mode) is dropped; what is not known, or known only to one
site (`\Z..\`), or switches the character set (`\C..\`, `\M..\`), is kept as it stands.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from engine.formats.hl7_marks import MOST_PIECES, NEVER, Marks, too_many

_COMMAND = re.compile(r"\.(br|sp|in|ti|fi|nf|ce|sk) *\+?(-?[0-9]{0,2})\Z", re.IGNORECASE)
_DROPPED = frozenset({"in", "fi", "nf"})
_CONTROLS = [chr(code) for code in (*range(9), *range(11, 32), 127)]  # all but tab and LF


def unescape(value: str, marks: Marks) -> str:
    """The text that a value means. Linear in its length; raises BusError(TOO_LARGE) beyond MOST_PIECES escapes.

    An escape character without its partner, as in a Windows path, stays what it is.
    """
    if len(value) > MOST_PIECES and value.count(marks.escape) >= MOST_PIECES:
        raise too_many("escape sequences in one value")
    parts = value.split(marks.escape)
    meanings = _meanings(marks)
    out = [parts[0]]
    last = len(parts) - 1
    here = 1
    while here <= last:
        code = parts[here]
        if here == last:  # no closing mark
            out.append(marks.escape + code)
            break
        end = here
        if code[:1] == "X":
            while end + 2 < last and not parts[end + 1] and parts[end + 2][:1] == "X":
                end += 2  # one character's bytes may stand in several sequences
            text = _from_hex("".join(part[1:] for part in parts[here : end + 1 : 2]), marks.codec)
        else:
            text = meanings.get(code) if len(code) == 1 else _command(code)
        if text is None:  # kept; the mark that closed it may open the next one
            out.extend(marks.escape + part for part in parts[here : end + 1])
            here = end + 1
        else:
            out += (text, parts[end + 1])
            here = end + 2
    return "".join(out)


def escape(value: str, marks: Marks) -> str:
    r"""The value as it may stand in a field: delimiters, line ends and control characters escaped.

    LF becomes `\.br\` and everything else that could be taken for structure or framing `\X..\`, so that
    reading gives back exactly `value`. Text of two quotes is not the explicit null.
    """
    if not value:
        return ""
    if value == '""':
        return f"{marks.escape}X2222{marks.escape}"
    return value.translate(_table(marks))


def is_known(code: str, marks: Marks) -> bool:
    r"""Whether the standard has an escape of this code (without its marks); `\Z..\` is each site's own."""
    if code[:1] in {"X", "C", "M"} and len(code) > 1:
        return all(digit in "0123456789ABCDEFabcdef" for digit in code[1:])
    return code in _meanings(marks) if len(code) == 1 else _COMMAND.match(code) is not None


@lru_cache(maxsize=256)
def _meanings(marks: Marks) -> Mapping[str, str]:
    codes = {
        "F": marks.field,
        "S": marks.component,
        "R": marks.repetition,
        "T": marks.subcomponent,
        "E": marks.escape,
        "P": "#" if marks.truncation == NEVER else marks.truncation,
        "H": "",
        "N": "",
    }
    return {code: text for code, text in codes.items() if text != NEVER}


@lru_cache(maxsize=256)
def _table(marks: Marks) -> dict[int, str]:
    table = {mark: f"X{ord(mark):02X}" for mark in _CONTROLS} | {"\n": ".br"}
    table |= {text: code for code, text in _meanings(marks).items() if text and code != "P"}
    if marks.truncation != NEVER:
        table[marks.truncation] = "P"
    return {ord(mark): f"{marks.escape}{code}{marks.escape}" for mark, code in table.items()}


def _command(code: str) -> str | None:
    found = _COMMAND.match(code)
    if found is None:
        return None
    name, count = found[1].lower(), int(found[2] or 0) if found[2] != "-" else 0
    if name in _DROPPED:
        return ""
    if name in {"br", "ce"}:
        return "\n"
    if name == "sp":
        return "\n" * max(1, count)
    return " " * max(0, count)  # sk, ti


def _from_hex(digits: str, codec: str) -> str | None:
    try:
        return bytes.fromhex(digits).decode(codec) if digits.isalnum() else None
    except ValueError:  # no hexadecimal digits, or no character of this codec
        return None
