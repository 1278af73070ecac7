"""The delimiters of one message and the bounds of what is read (HL7 v2.8.2 chapter 2, §2.5.4).

Nothing is assumed: MSH-1 names the field separator, MSH-2 the others. Every limit here makes hostile
input a typed refusal instead of a long wait: no message may hold the event loop for a second.
"""

from dataclasses import dataclass
from functools import lru_cache

from engine.base.errors import BusError, Code

MOST_SEGMENTS = 100_000
"""Segments of one message: mapping as many takes half a second, and a batch's messages are told apart before."""
MOST_PIECES = 100_000
"""Repetitions of one field, or escapes in one value."""
MOST_FIELDS = 999
"""Fields of a segment that are told apart; the standard's longest segment has fewer than 100."""

NEVER = "\r"
"""Stands for a delimiter that the message does not name: a segment never holds a CR."""


@dataclass(frozen=True, slots=True)
class Marks:
    r"""One message's delimiters, and the codec that its `\X..\` escapes are written in."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str
    codec: str
    plain: bool = True
    """No delimiter is a letter or digit: a value of letters and digits is then only itself."""

    @property
    def encoding(self) -> str:
        """MSH-2 as it would be written."""
        marks = self.component, self.repetition, self.escape, self.subcomponent, self.truncation
        return "".join(mark for mark in marks if mark != NEVER)


STANDARD = Marks("|", "^", "~", "\\", "&", NEVER, "utf-8")
"""What the bus writes itself."""


@lru_cache(maxsize=256)
def marks(field: str, encoding: str, codec: str) -> Marks:
    """The delimiters that MSH-1 and MSH-2 name.

    MSH-2 has 4 characters, 5 since v2.7; 3 are read too: a sender that knows no subcomponents may leave
    the last one out. Raises BusError(NOT_READABLE) where two delimiters are one, or one is blank.
    """
    named = field + encoding
    if field.isalnum():
        raise unreadable("MSH-1 is no field separator", "MSH^1^1", 102)
    if len(encoding) < 3:
        raise unreadable("MSH-2 names fewer than three delimiters", "MSH^1^2", 101)
    if len(encoding) > 5 or len(set(named)) != len(named) or any(mark in " \t" for mark in named):
        raise unreadable("MSH-1 and MSH-2 name no usable set of delimiters", "MSH^1^2", 102)
    named = encoding.ljust(5, NEVER)
    return Marks(field, named[0], named[1], named[2], named[3], named[4], codec, not any(map(str.isalnum, encoding)))


def unreadable(detail: str, spot: str, condition: int) -> BusError:
    """The refusal of bytes that are no HL7 v2 message; `condition` is of table 0357."""
    return BusError(Code.NOT_READABLE, detail, spot=spot, condition=condition)


def too_many(what: str, spot: str = "") -> BusError:
    """The refusal of a message with more parts than any real one has."""
    return BusError(Code.TOO_LARGE, f"more {what} than the bus reads", spot=spot)
