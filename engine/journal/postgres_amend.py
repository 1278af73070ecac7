"""Corrections in a batch on PostgreSQL: earlier deliveries carry the content of a later message, in their old places.

What they change was locked by the batch's opening, with its lanes; so what is looked at here stands until the commit.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.journal import postgres as sql
from engine.journal.marks import Settle
from engine.journal.postgres_accept import columns
from engine.journal.postgres_follow import Hears
from engine.journal.verbs import body_place

_CHANGED = """
select x.place from unnest($1::int[], $2::bigint[], $3::smallint[], $4::text[], $5::int[])
  as x(place, message, step, state, attempt)
where not exists (select 1 from deliveries d
  where d.message = x.message and d.step = x.step and d.state = x.state and d.attempt = x.attempt)
"""
# What the correction carries itself: its own content, or that of a still later one.
_AMEND = """
insert into amendments (place, newer)
select x.place, coalesce(o.newer, $3) from unnest($1::bigint[], $2::bigint[]) as x(place, own)
left join amendments o on o.place = x.own
on conflict (place) do update set newer = excluded.newer
"""
_AGAIN = """
update deliveries set state = 'waiting', holds = true, head = lane is null or head, why = null
where message = $1 and step = $2 returning lane
"""
_WORD = "update deliveries set why = $3 where message = $1 and step = $2"
_HOLD = """
update deliveries set state = 'parked', needs = 0, holds = $3, head = head and $3, why = $4
where message = $1 and step = $2 and state = 'waiting' returning lane, holds
"""


class Amending:
    """Of one batch."""

    def __init__(self, rows: Callable[..., Awaitable[Any]], run: Callable[..., Awaitable[Any]], now: int) -> None:
        self._rows = rows
        self._run = run
        self._now = now

    async def moved(self, marks: Sequence[Settle]) -> set[int]:
        """The places in `marks` of those that amend what is not any more as it was when that was decided."""
        seen = [
            (place, one.seq, one.step, one.state, one.attempt)
            for place, mark in enumerate(marks)
            if mark.then.corrects is not None
            for one in mark.then.corrects.amended
        ]
        return {row[0] for row in await self._rows(_CHANGED, *columns(seen, 5))} if seen else set()

    async def hold(self, mark: Settle, hears: Hears) -> None:
        """Parks steps of the message that have not begun; the lanes in which they let others pass are heard."""
        assert mark.then.corrects is not None, "asked of corrections only"
        for step, holds, why in mark.then.corrects.parked:
            for lane, keeps in await self._rows(_HOLD, mark.delivery.seq, step, holds, why):
                hears.lane(None if keeps else lane, 0)

    async def amend(self, mark: Settle, hears: Hears) -> None:
        """Gives earlier deliveries the content; the lanes and messages in which a step may go now are heard."""
        correction, seq = mark.then.corrects, mark.delivery.seq
        assert correction is not None, "asked of corrections only"
        for one, (act, said) in zip(correction.amended, mark.acts, strict=True):
            await self._run(sql.ACT, act, self._now, one.seq, one.step, "amend", said)
            await self._run(sql.FORGET_BODY, body_place(one.seq, one.step))
            places = [(body_place(one.seq, theirs), body_place(seq, own)) for theirs, own in one.steps]
            await self._run(_AMEND, *columns(places, 2), seq)
            if one.again:
                lane = (await self._rows(_AGAIN, one.seq, one.step))[0][0]
                await self._run(sql.YIELD, [lane])
                hears.lane(lane, 0)
                hears.messages[one.seq] = 0
        for step, word in correction.ended:
            await self._run(_WORD, seq, step, word)
