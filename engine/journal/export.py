"""Clear text of messages and of our own records, and the audit, for who holds the master secret (decision 25)."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import orjson
from sqlalchemy import select

from engine.journal import bodies as names
from engine.journal.audit import COLUMNS
from engine.journal.errors import Gone
from engine.journal.history import History
from engine.journal.keys import DAY
from engine.journal.tables import attempts, bodies, deliveries, messages, reads
from engine.journal.verbs import PLACES, body_place

_PAGE = 200


async def export_message(history: History, id_: str) -> bytes | None:
    """One message: what came, what was sent, what was answered. None: there is no such message."""
    rows = await history.reader.select(_MESSAGES.where(messages.c.id == id_))
    return await _line(history, rows[0]) if rows else None


async def export_day(history: History, day: int) -> AsyncIterator[bytes]:
    """Every message received on a day (counted from 1970-01-01, UTC), in order."""
    last = 0
    of_day = _MESSAGES.where(messages.c.received >= day * DAY, messages.c.received < (day + 1) * DAY)
    while rows := await history.reader.select(
        of_day.where(messages.c.seq > last).order_by(messages.c.seq).limit(_PAGE)
    ):
        for row in rows:
            yield await _line(history, row)
        last = rows[-1][0]


async def export_records(history: History) -> AsyncIterator[bytes]:
    """Every record of our own with its kind: what the bus holds of bindings, grants, tickets."""
    async for kind, value, until in history.records():
        told: dict[str, Any] = {"kind": kind, "until": until}
        yield orjson.dumps(told | ({"lost": True} if value is None else {"value": _text(value)}))


async def export_audit(history: History, day: int) -> AsyncIterator[bytes]:
    """Every call of channel applications that came on a day, with its place in the chain. Whom it was about stands as
    a keyed hash, as it does in the journal.
    """
    last = 0
    of_day = _AUDIT.where(reads.c.at >= day * DAY, reads.c.at < (day + 1) * DAY)
    while rows := await history.reader.select(of_day.where(reads.c.id > last).order_by(reads.c.id).limit(_PAGE)):
        for number, *row in rows:
            told = dict(zip(COLUMNS, row, strict=True))
            told |= {name: bytes(value).hex() for name, value in told.items() if isinstance(value, bytes | memoryview)}
            yield orjson.dumps({**told, "unmasked": bool(told["unmasked"])})
            last = number


async def _line(history: History, row: Any) -> bytes:
    seq, id_, route, release, received, answer = row
    told: dict[str, Any] = {"id": id_, "route": route, "release": release, "received": received}
    stored = await history.reader.select(select(bodies.c.data).where(bodies.c.place == seq * PLACES))
    try:
        if stored:
            opened = await history.bodies.open(received, id_, names.RAW, bytes(stored[0][0]))
            told["meta"], raw = names.unpack(opened)
            told["raw"] = _text(raw)
        if answer is not None:
            told["answer"] = _text(await history.bodies.open(received, id_, names.ANSWER, bytes(answer)))
        told["steps"] = await _steps(history, seq, id_, received)
    except Gone:
        told["gone"] = True
    return orjson.dumps(told)


async def _steps(history: History, seq: int, id_: str, received: int) -> list[dict[str, Any]]:
    steps = []
    for step, system, state in await history.reader.select(_STEPS.where(deliveries.c.message == seq)):
        told: dict[str, Any] = {"step": step, "system": system, "state": state}
        place = body_place(seq, step)
        for (data,) in await history.reader.select(select(bodies.c.data).where(bodies.c.place == place)):
            told["body"] = _text(await history.bodies.open(received, id_, names.body_of(step), bytes(data)))
        told["attempts"] = [
            await _attempt(history, id_, received, step, row)
            for row in await history.reader.select(
                _ATTEMPTS.where(attempts.c.message == seq, attempts.c.step == step).order_by(attempts.c.n)
            )
        ]
        steps.append(told)
    return steps


async def _attempt(history: History, id_: str, received: int, step: int, row: Any) -> dict[str, Any]:
    n, at, ended, outcome, code, sealed, reply = row
    told: dict[str, Any] = {"n": n, "at": at, "ended": ended, "outcome": outcome, "code": code}
    if sealed is not None:
        told["sealed"] = _text(await history.bodies.open(received, id_, names.seal_of(step), bytes(sealed)))
    if reply is not None:
        said, raw = names.unpack(await history.bodies.open(received, id_, names.reply_of(step), bytes(reply)))
        told |= {"value": said["value"], "backend_code": said["code"], "backend_text": said["text"]}
        told["reply"] = _text(raw)
    return told


def _text(content: bytes) -> str | dict[str, str]:
    """Text as it is; bytes that are no UTF-8 in base 64, so that nothing is lost."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


_AUDIT = select(reads.c.id, *(reads.c[name] for name in COLUMNS))
_MESSAGES = select(
    messages.c.seq, messages.c.id, messages.c.route, messages.c.release, messages.c.received, messages.c.answer
)
_STEPS = select(deliveries.c.step, deliveries.c.system, deliveries.c.state).order_by(deliveries.c.step)
_ATTEMPTS = select(
    attempts.c.n,
    attempts.c.at,
    attempts.c.ended,
    attempts.c.outcome,
    attempts.c.code,
    attempts.c.sealed,
    attempts.c.reply,
)
