"""The front of the HIS: its WSDL, its one address, and the way from an envelope to a trade and back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.his import soap
from sandbox.his.dress import dressed
from sandbox.his.frame import FORMAT, Ask, No
from sandbox.his.orders import Caller, Payment, Wanted
from sandbox.his.room import Room
from sandbox.his.trades import TRADES
from sandbox.his.trades.bookings import wanted
from sandbox.port import Asked, Reply

if TYPE_CHECKING:
    from aiohttp import web

    from sandbox.his.clinic import Clinic
    from sandbox.his.trade import Trade

_log = logging.getLogger("sandbox")
_TYPE = "text/xml; charset=UTF-8"
_BUSY = ("-1", "系统繁忙,请稍后再试")
_REFUSED = ("-1", "操作失败,请联系管理员")


class Facade:
    """What stands behind the port of the HIS."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self.room = Room(clinic)
        self._late: set[asyncio.Task[None]] = set()

    @staticmethod
    def subject(request: web.Request) -> str:
        """Faults and ledger go by the trade that the SOAPAction names."""
        method = soap.action(request.headers.get("SOAPAction"))
        return f"his.{method}" if method in TRADES else "his"

    def busy(self, asked: Asked) -> Reply:
        """The refusal of somebody who has no time, in the frame of the trade that was asked for."""
        trade = TRADES.get(soap.action(asked.headers.get("SOAPAction")))
        if trade is None:
            return _fault("Server", "ERROR #5001: system busy")
        return self._answered(trade, {"ResultCode": _BUSY[0], trade.text: _BUSY[1]}, _BUSY)

    async def stop(self) -> None:
        """What was to be done later is not done any more."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def serve(self, asked: Asked) -> Reply:
        path, _, query = asked.path.partition("?")
        if path != soap.PATH:
            return Reply(404, b"", "404", "no such class", "text/html; charset=UTF-8")
        if asked.method == "GET" and query.lower() in ("wsdl", "wsdl=1"):
            return Reply(200, soap.wsdl(f"http://{asked.headers.get('Host')}"), "0", "WSDL", _TYPE)
        if asked.method != "POST":
            return Reply(405, b"", "405", "POST expected", "text/html; charset=UTF-8")
        async with self.room.turn():
            return self._serve(asked)

    def _serve(self, asked: Asked) -> Reply:
        try:
            if "soap_fault" in asked.faults:
                raise soap.Fault("Server", "ERROR #5002: ObjectScript error: <FRAMESTACK>")
            kind = asked.headers.get("Content-Type", "").lower()
            if not kind.startswith("text/xml"):
                raise soap.Fault("Client", f"ERROR #6251: Content-Type {kind} is not text/xml")
            method, payload = soap.read(asked.body, asked.headers.get("SOAPAction"))
            trade = TRADES.get(method)
            if trade is None:
                raise soap.Fault("Client", f"ERROR #6248: method {method} does not exist in class {soap.CLASS}")
            return self._traded(trade, payload, asked)
        except soap.Fault as fault:
            return _fault(fault.whose, fault.text)

    def _traded(self, trade: Trade, payload: str, asked: Asked) -> Reply:
        faults = asked.faults
        if "ze_error" in faults:
            words = f"<UNDEFINED>z{trade.method}+12^{soap.CLASS}.1 *obj"
            return self._answered(trade, {"ResultCode": "-1", trade.text: words}, ("-1", words))
        for kind in ("done_late", "done_late_silent"):
            if kind in faults:
                return self._do_late(trade, payload, asked, kind)
        code, words, content = self._do(trade, payload, asked)
        if "done_but_fault" in faults:
            return _fault("Server", "ERROR #5002: ObjectScript error: <STORE>")
        if "done_but_refused" in faults:
            code, words, content = (*_REFUSED, {})
        result = {"ResultCode": code, trade.text: words, **content}
        reply = self._answered(trade, result, (code, words))
        if "broken_xml" in faults:
            whole = dressed(result, self._clinic.site.quirks)
            reply = _reply(trade.method, whole[: len(whole) * 2 // 3], (code, words))
        return reply

    def _do(self, trade: Trade, payload: str, asked: Asked) -> tuple[str, str, Mapping[str, Any]]:
        """Code, words and content of one trade; whatever it changed is committed, or nothing of it."""
        clinic = self._clinic
        try:
            ask = trade.read(payload, clinic, asked.now)
            clinic.settle(ask.now)
            if "snatched" in asked.faults and trade.method == "LockOrder":
                self._snatch(ask)
            if "fee_change" in asked.faults:
                ask = replace(ask, surcharge=int(asked.faults.amount("fee_change", 5) * 100))
            with clinic.store.together():
                return "0", trade.done, trade.run(clinic, ask)
        except No as no:
            return no.code, f"参数错误:{no.text}" if no.code == FORMAT else no.text, {}

    def _do_late(self, trade: Trade, payload: str, asked: Asked, kind: str) -> Reply:
        """Takes the work on, does it when its time has come, and lets nobody know."""
        wait = asked.faults.amount(kind, 20)

        async def later() -> None:
            await self._clinic.clock.until(asked.now + int(wait * times.SECOND))
            now = self._clinic.clock.now()
            code, words, _ = self._do(trade, payload, replace(asked, now=now))
            note = f"迟到处理:{code} {words}"
            self._clinic.store.run("update calls set code = ?, answer = ? where id = ?", code, note, asked.id)

        task = asyncio.create_task(later(), name=f"late {trade.method}")
        self._late.add(task)
        task.add_done_callback(self._late_done)
        hush = wait if kind == "done_late_silent" else 0
        return Reply(0, b"", "", "已接收,稍后处理,未应答", lost=True, hush=hush)

    def _late_done(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)

    def _snatch(self, ask: Ask) -> None:
        """The counter books what is wanted for somebody else: a true booking, in the ledger like any other."""
        clinic = self._clinic
        number = wanted(ask, "BeginTime")
        who = Caller(ask.campus, "COUNTER", "CK001", "", ask.now)
        others = clinic.store.all(
            """select * from patients where id <> ? and id not in
               (select patient from his_orders where schedule = ? and holds = 1) order by id desc limit 1""",
            ask["PatientID"],
            number.schedule,
        )
        with contextlib.suppress(No), clinic.store.together():
            order = clinic.orders.lock(who, others[0], number, clinic.site)
            clinic.orders.book(who, None, Wanted(number.schedule), order["lock_serial"], Payment(), clinic.site)

    def _answered(self, trade: Trade, result: Mapping[str, Any], ledger: tuple[str, str]) -> Reply:
        return _reply(trade.method, dressed(result, self._clinic.site.quirks), ledger)


def _reply(method: str, payload: str, ledger: tuple[str, str]) -> Reply:
    """Every second trade writes its result as CDATA, the others escaped: both are met."""
    cdata = method in TRADES and list(TRADES).index(method) % 2 == 0
    body = soap.answer(method, payload, cdata=cdata).encode()
    return Reply(200, body, ledger[0], "" if ledger[0] == "0" else ledger[1], _TYPE)


def _fault(whose: str, text: str) -> Reply:
    return Reply(500, soap.fault(whose, text).encode(), whose, text, _TYPE)
