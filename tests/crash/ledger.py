"""What a destination keeps of the calls that reach it, and what it sees in the journal at that moment."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.flow.site import ask_journal

READ, DONE = "peer-read", "peer-done"
"""The moments at which a destination may kill its caller: it has read a call, it has done it and not answered."""

_RECORD = """
select a.n, a.ended, d.state from messages m
join deliveries d on d.message = m.seq join attempts a on a.message = m.seq and a.step = d.step and a.n = d.attempt
where m.id = ? and d.step = ?
"""


class Did(Enum):
    """What a destination did with a call."""

    DONE = "done"
    MUTE = "done, and its answer was lost"
    BUSY = "answered that it is busy"
    NO = "answered no"
    LOST = "read and lost"


@dataclass(slots=True)
class Call:
    """One row of the ledger, in the order of arrival."""

    token: str
    attempt: int
    """The open attempt that the journal had when the call arrived; 0: none."""
    digest: str
    did: Did


Watch = Callable[[str], bool]
"""Told the moments READ and DONE. True: its caller was killed now; a call that was read only is then lost."""


def open_attempt(site: Path, token: str, wrong: list[str]) -> int:
    """The open attempt that is committed for this token; complains where there is none, and gives 0."""
    message, _, step = token.rpartition("-")
    rows = ask_journal(site, _RECORD, message, int(step))
    if not rows or rows[0][1] is not None or rows[0][2] != "sending":
        wrong.append(f"{token}: called without an open attempt on record: {rows}")
        return 0
    return int(rows[0][0])
