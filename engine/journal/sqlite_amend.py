"""Corrections in a batch on SQLite: earlier deliveries carry the content of a later message, in their old places."""

import sqlite3
from collections.abc import Callable
from typing import Any

from engine.journal import sqlite as sql
from engine.journal.marks import Settle
from engine.journal.verbs import body_place
from engine.records import Correction

_STANDS = "select 1 from deliveries where message = ? and step = ? and state = ? and attempt = ?"
# What the correction carries itself: its own content, or that of a still later one.
_AMEND = """
insert into amendments (place, newer) values (?, coalesce((select newer from amendments where place = ?), ?))
on conflict (place) do update set newer = excluded.newer
"""
_AGAIN = """
update deliveries set state = 'waiting', holds = 1, head = lane is null or head, why = null
where message = ? and step = ? returning lane
"""
_WORD = "update deliveries set why = ? where message = ? and step = ?"
_HOLD = """
update deliveries set state = 'parked', needs = 0, holds = ?, head = head and ?, why = ?
where message = ? and step = ? and state = 'waiting' returning lane, holds
"""


class Amending:
    """Of one batch."""

    def __init__(self, run: Callable[..., sqlite3.Cursor], now: int) -> None:
        self._run = run
        self._now = now

    def stands(self, correction: Correction) -> bool:
        """Whether all that it amends is as it was when that was decided."""
        seen = ((one.seq, one.step, one.state, one.attempt) for one in correction.amended)
        return all(self._run(_STANDS, values).fetchone() for values in seen)

    def hold(self, seq: int, correction: Correction) -> set[Any]:
        """Parks steps of the message that have not begun. Returns the lanes in which they let others pass."""
        lanes = set()
        for step, holds, why in correction.parked:
            for lane, keeps in self._run(_HOLD, (holds, holds, why, seq, step)).fetchall():
                lanes |= set() if keeps else {lane}
        return lanes

    def amend(self, mark: Settle, correction: Correction) -> tuple[set[Any], list[tuple[int, int]]]:
        """Gives earlier deliveries the content. Returns the lanes and the steps that may go now."""
        seq, lanes, again = mark.delivery.seq, set(), []
        for one, (act, said) in zip(correction.amended, mark.acts, strict=True):
            self._run(sql.ACT, (act, self._now, one.seq, one.step, "amend", said))
            self._run(sql.FORGET_BODY, (body_place(one.seq, one.step),))
            for theirs, own in one.steps:
                self._run(_AMEND, (body_place(one.seq, theirs), body_place(seq, own), seq))
            if one.again:
                (lane,) = self._run(_AGAIN, (one.seq, one.step)).fetchall()[0]
                self._run(sql.YIELD, (lane,))
                lanes.add(lane)
                again.append((one.seq, one.step))
        for step, word in correction.ended:
            self._run(_WORD, (word, seq, step))
        return lanes, again
