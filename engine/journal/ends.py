"""How steps of some messages ended last: when, and what the system behind said. For reports over many messages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from engine.journal import bodies
from engine.journal.errors import Gone
from engine.journal.history import History, Line
from engine.journal.tables import attempts


@dataclass(frozen=True, slots=True)
class End:
    """The last attempt of a step that has ended. `backend_text` is what the system behind said to people."""

    at: int
    backend_code: str = ""
    backend_text: str = ""


_a = attempts.c
_ENDED = select(_a.message, _a.step, _a.ended, _a.reply).where(_a.ended.is_not(None)).order_by(_a.ended, _a.n)


async def last_ends(history: History, lines: Sequence[Line], opened: Collection[str]) -> dict[tuple[int, int], End]:
    """By message and step. Words of the system behind only for steps in one of the states `opened`; those whose day
    key is gone have none.
    """
    if not lines:
        return {}
    known = {line.seq: line for line in lines}
    wanted = {(line.seq, step.step) for line in lines for step in line.steps if step.state in opened}
    rows = await history.reader.select(_ENDED.where(_a.message.in_(list(known))))
    last = {(message, step): (at, reply) for message, step, at, reply in rows}
    return {
        place: await _opened(history, known[place[0]], place[1], at, reply) if place in wanted and reply else End(at)
        for place, (at, reply) in last.items()
    }


async def _opened(history: History, line: Line, step: int, at: int, reply: bytes) -> End:
    try:
        packed = await history.bodies.open(line.received, line.id, bodies.reply_of(step), bytes(reply))
    except Gone:
        return End(at)
    said = bodies.unpack(packed)[0]
    return End(at, said["code"], said["text"])
