"""Accept on PostgreSQL: keys, messages, bodies, deliveries and finds in one statement."""

from collections.abc import Iterator, Sequence
from typing import Any

from engine.journal import postgres as sql
from engine.journal import verbs
from engine.journal.marks import Accept, Known
from engine.model import Accepted


class Accepting:
    """Runs the accept marks of one batch."""

    def __init__(self, rows: Any, run: Any, owner: str, now: int, rooms: verbs.Rooms) -> None:
        self._rows = rows
        self._run = run
        self._owner = owner
        self._now = now
        self._rooms = rooms

    async def accept(self, marks: Sequence[Accept]) -> list[Accepted | Known]:
        """In order. Whoever finds its key taken hears by whom; if that one was withdrawn meanwhile, it tries again."""
        results: dict[int, Accepted | Known] = {}
        waiting = list(marks)
        while waiting:
            for run in _runs(waiting):
                results.update(await self._insert(run))
            if waiting := [mark for mark in waiting if id(mark) not in results]:
                results.update(await self._known(waiting))
                waiting = [mark for mark in waiting if id(mark) not in results]
        await self._ride(marks, results)
        return [results[id(mark)] for mark in marks]

    async def _insert(self, marks: Sequence[Accept]) -> dict[int, Accepted | Known]:
        """Inserts what is new and leaves out messages whose key is taken."""
        steps, tickets = self._steps(marks)
        finds = [(place, find) for place, mark in enumerate(marks, 1) for find in mark.finds]
        rows = await self._rows(
            sql.ACCEPT,
            self._owner,
            self._now,
            *columns([_message(mark) for mark in marks], 12),
            *columns(steps, 8),
            *columns(finds, 2),
        )
        results: dict[int, Accepted | Known] = {}
        for (seq, renewed, steps_claimed), mark, taken in zip(rows, marks, tickets, strict=True):
            claimed = set(steps_claimed or ())
            for step, ticket in taken.items():
                if step not in claimed:
                    self._rooms.give(ticket)
            if renewed is not None:
                held = [
                    verbs.fresh(mark, seq, new, lane, self._now)
                    for new, lane in zip(mark.message.deliveries, mark.lanes, strict=True)
                    if new.step in claimed
                ]
                results[id(mark)] = Accepted(seq, tuple(held), renewed)
        return results

    def _steps(self, marks: Sequence[Accept]) -> tuple[list[tuple[Any, ...]], list[dict[int, int]]]:
        """The deliveries of `marks`, and for each mark the steps that room was taken for, with their tickets."""
        rows, tickets = [], []
        for place, mark in enumerate(marks, 1):
            taken: dict[int, int] = {}
            for new, lane in zip(mark.message.deliveries, mark.lanes, strict=True):
                at_once = new.needs == 0 and new.due <= self._now and not new.skipped
                ticket = self._rooms.take(mark.room, new.system) if at_once else 0
                if ticket:
                    taken[new.step] = ticket
                rows.append((place, new.step, new.system, lane, new.needs, new.due, new.skipped, ticket > 0))
            tickets.append(taken)
        return rows, tickets

    async def _known(self, waiting: Sequence[Accept]) -> dict[int, Accepted | Known]:
        held = {row[0]: row for row in await self._rows(sql.KNOWN, [mark.key for mark in waiting])}
        return {
            id(mark): Known(row[1], row[3], row[4], row[2] == mark.digest, row[5])
            for mark in waiting
            if (row := held.get(mark.key)) is not None
        }

    async def _ride(self, marks: Sequence[Accept], results: dict[int, Accepted | Known]) -> None:
        riders: dict[str, bytes] = {}
        for mark in marks:
            found = results[id(mark)]
            if isinstance(found, Accepted) or found.same:
                riders.update(mark.riders)
        if riders:
            await self._run(sql.RIDER, list(riders), list(riders.values()))


def columns(rows: Sequence[Sequence[Any]], count: int) -> list[list[Any]]:
    """Rows as the arrays that `unnest` takes; `count` empty ones where there are no rows."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(count)]


def _runs(marks: Sequence[Accept]) -> Iterator[list[Accept]]:
    """Marks in their order, cut where a key comes again: one statement takes a key only once."""
    run: list[Accept] = []
    keys: set[bytes] = set()
    for mark in marks:
        if mark.key is not None and mark.key in keys:
            yield run
            run, keys = [], set()
        run.append(mark)
        if mark.key is not None:
            keys.add(mark.key)
    yield run


def _message(mark: Accept) -> tuple[Any, ...]:
    m = mark.message
    count = sum(not new.skipped for new in m.deliveries)
    row = (m.id, m.route, m.release, m.received, m.deadline, m.parent, count)
    return (*row, mark.key, m.other_content == "new", mark.digest, mark.until, mark.content)
