"""The HIS tells the platform of a 停诊, again and again until it is acknowledged, in order, across restarts.

It reads the platform's WSDL first, as whoever implements such a push does: the namespace, the SOAPAction and the name
of the one string are the platform's to choose. A push is `StopSchedule`; `<ResultCode>0` acknowledges it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import aiohttp
from lxml import etree

from sandbox import times

if TYPE_CHECKING:
    from sandbox.faults import Drawn, FaultBoard
    from sandbox.outbox import Pace
    from sandbox.store import Row, Store

SYSTEM = "his-push"
METHOD = "StopSchedule"
_WSDL = {"w": "http://schemas.xmlsoap.org/wsdl/", "s": "http://schemas.xmlsoap.org/wsdl/soap/"}
_SCHEMA = "{http://www.w3.org/2001/XMLSchema}"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Door:
    """What the platform's WSDL says about StopSchedule."""

    namespace: str
    action: str
    argument: str
    qualified: bool


class Push:
    """The outbox of pushes, and the task that empties it."""

    def __init__(self, store: Store, board: FaultBoard, pace: Pace, url: str) -> None:
        self._store, self._board, self._pace, self.url = store, board, pace, url
        self._door: Door | None = None
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Pushes what waits; without an address everything waits."""
        if self.url:
            self._board.listen(self._look.set)
            self._task = asyncio.create_task(self._work(), name="push of stops")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._look.set()

    def state(self) -> dict[str, Any]:
        """For health and pages."""
        rows = self._store.all("select state, count(*) as n from his_pushes group by state")
        return {"to": self.url, "waiting": 0, "acked": 0} | {row["state"]: row["n"] for row in rows}

    async def _work(self) -> None:
        limit = aiohttp.ClientTimeout(total=self._pace.ack_timeout)
        async with aiohttp.ClientSession(timeout=limit) as session:
            while True:
                self._look.clear()
                row = self._store.one("select * from his_pushes where state = 'waiting' order by id limit 1")
                if row is None or self._board.down(SYSTEM):
                    await self._look.wait()
                elif row["due"] > times.now():
                    await asyncio.sleep((row["due"] - times.now()) / times.SECOND)
                else:
                    await self._try(session, row)

    async def _try(self, session: aiohttp.ClientSession, row: Row) -> None:
        drawn = self._board.draw(SYSTEM)
        if "delay" in drawn:
            await asyncio.sleep(drawn.amount("delay", 1))
        self._store.run("update his_pushes set attempts = attempts + 1, outcome = 'under way' where id = ?", row["id"])
        try:
            outcome = await self._sent(session, row["body"], drawn)
        except (aiohttp.ClientError, TimeoutError, ValueError, etree.XMLSyntaxError) as error:
            self._door = None
            outcome = f"{type(error).__name__}: {error}"
        acked = outcome == "0"
        due = 0 if acked else times.now() + int(self._pace.pause(row["attempts"] + 1) * times.SECOND)
        self._store.run(
            "update his_pushes set state = ?, outcome = ?, due = ?, ended_at = ? where id = ?",
            "acked" if acked else "waiting",
            outcome[:_LONGEST],
            due,
            times.now() if acked else None,
            row["id"],
        )

    async def _sent(self, session: aiohttp.ClientSession, body: str, drawn: Drawn) -> str:
        """`0` when it was acknowledged, else what came back, in words."""
        if self._door is None:
            async with session.get(self.url, params="wsdl") as answer:
                answer.raise_for_status()
                self._door = read_door(await answer.read())
        door = self._door
        data = envelope(door, body)
        head = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{door.action}"'}
        for _ in range(2 if "double" in drawn else 1):
            async with session.post(self.url, data=data, headers=head) as answer:
                came = await answer.read()
        return "deaf" if "deaf" in drawn else acknowledged(came)


def read_door(wsdl: bytes) -> Door:
    """What a push needs to know of a document/literal WSDL; ValueError where it has no StopSchedule of one string."""
    root = etree.fromstring(wsdl, etree.XMLParser(resolve_entities=False, no_network=True))
    bound = root.find(f".//w:binding/w:operation[@name='{METHOD}']/s:operation", _WSDL)
    action = "" if bound is None else bound.get("soapAction", "")
    for schema in root.iter(f"{_SCHEMA}schema"):
        element = schema.find(f"{_SCHEMA}element[@name='{METHOD}']")
        inner = None if element is None else element.find(f".//{_SCHEMA}element")
        if inner is not None:
            qualified = schema.get("elementFormDefault") == "qualified"
            return Door(schema.get("targetNamespace", ""), action, inner.get("name", ""), qualified)
    raise ValueError(f"no {METHOD} in the platform's WSDL")


def envelope(door: Door, body: str) -> bytes:
    """The call, with the string escaped."""
    prefix = "p:" if door.qualified else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<p:{METHOD} xmlns:p="{escape(door.namespace)}"><{prefix}{door.argument}>{escape(body)}'
        f"</{prefix}{door.argument}></p:{METHOD}></e:Body></e:Envelope>"
    ).encode()


def acknowledged(answer: bytes) -> str:
    """The ResultCode inside, with its text where it is not 0; or the words of a Fault."""
    root = etree.fromstring(answer, etree.XMLParser(resolve_entities=False, no_network=True))
    for element in root.iter():
        if etree.QName(element).localname == "faultstring":
            return f"Fault: {element.text}"
        if etree.QName(element).localname == f"{METHOD}Result":
            inner = etree.fromstring((element.text or "").strip().encode())
            code = (inner.findtext("ResultCode") or "").strip()
            return code if code == "0" else f"{code} {inner.findtext('ResultContent') or ''}"
    return "no result in the answer"
