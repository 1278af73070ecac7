"""Writing HL7 v2 in its pipe form: escapes, components, segments, and the header of a message.

Delimiters are the usual `|^~\\&`. Text is escaped once, when it becomes part of a field; what is already written
is marked as `Written`, so that nothing is escaped twice.
"""

from collections.abc import Mapping

_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "})


class Written(str):
    """Text in which the delimiters are meant."""

    __slots__ = ()


def escaped(text: object) -> Written:
    return text if isinstance(text, Written) else Written(str(text).translate(_ESCAPES))


def parts(*components: object) -> Written:
    """`a^b^c`; empty ones at the end are left out."""
    return Written("^".join(escaped(component) for component in components).rstrip("^"))


def inner(*subcomponents: object) -> Written:
    """`a&b&c` inside one component."""
    return Written("&".join(escaped(one) for one in subcomponents).rstrip("&"))


def repeats(*fields: object) -> Written:
    """`x~y` of fields already made."""
    return Written("~".join(escaped(field) for field in fields))


def formatted(text: str) -> Written:
    """Text of several lines for FT and TX fields: `\\.br\\` between the lines."""
    return Written("\\.br\\".join(escaped(line) for line in text.split("\n")))


def segment(name: str, fields: Mapping[int, object]) -> str:
    """One segment without its CR; `fields` by HL7 number. For MSH, FHS and BHS fields 1 and 2 are the delimiters."""
    last = max(fields, default=0)
    if name in {"MSH", "FHS", "BHS"}:
        rest = "|".join(escaped(fields.get(number, "")) for number in range(3, last + 1))
        return f"{name}|^~\\&|{rest}"
    return "|".join([name, *(escaped(fields.get(number, "")) for number in range(1, last + 1))])


def message(segments: list[str]) -> str:
    """Every segment ends with CR, the last one too (HL7 v2 chapter 2)."""
    return "\r".join(segments) + "\r"


def with_field(raw: bytes, number: int, value: str) -> bytes:
    """The message bytes with one field of MSH replaced: a re-send carries a new MSH-7 and nothing else new."""
    header, cr, rest = raw.partition(b"\r")
    fields = header.split(b"|")
    fields[number - 1] = value.encode("ascii")
    return b"|".join(fields) + cr + rest


def batch(messages: list[bytes], header: Mapping[int, object]) -> bytes:
    """A file of one batch: FHS BHS (messages) BTS FTS; `header` fills FHS and BHS from field 3 on."""
    top = message([segment("FHS", header), segment("BHS", header)]).encode("ascii")
    bottom = message([segment("BTS", {1: len(messages)}), segment("FTS", {1: 1})]).encode("ascii")
    return top + b"".join(messages) + bottom
