"""The front of the HIS: its WSDL, its one address, and the way from an envelope to a trade and back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.his import soap
from sandbox.his.frame import FORMAT, Ask, No, write
from sandbox.his.orders import Caller, Payment, Wanted
from sandbox.his.trades import TRADES
from sandbox.port import Asked, Reply

if TYPE_CHECKING:
    from aiohttp import web

    from sandbox.his.clinic import Clinic
    from sandbox.his.trade import Trade

_log = logging.getLogger("sandbox")
_TYPE = "text/xml; charset=UTF-8"
_BUSY = ("-1", "系统繁忙,请稍后再试")
_REFUSED = ("-1", "操作失败,请联系管理员")
_FEES = re.compile(r"<(Fee|RegFee|CheckupFee|ServiceFee|OtherFee)>(\d+)\.(\d\d)</")
_TEXTS = re.compile(r"</(DepartmentName|DoctorName|PatientName|AdmitAddress)>")


class Facade:
    """What stands behind the port of the HIS."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._inside = 0
        self._outside: deque[asyncio.Future[None]] = deque()
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
        async with self._turn():
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
            whole = self._dressed(result)
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
        wanted = Wanted(
            ask["ScheduleItemCode"], int(ask["LockQueueNo"] or 0), ask.clock("BeginTime"), ask.clock("EndTime")
        )
        who = Caller(ask.campus, "COUNTER", "CK001", "", ask.now)
        others = clinic.store.all(
            """select * from patients where id <> ? and id not in
               (select patient from his_orders where schedule = ? and holds = 1) order by id desc limit 1""",
            ask["PatientID"],
            wanted.schedule,
        )
        with contextlib.suppress(No), clinic.store.together():
            order = clinic.orders.lock(who, others[0], wanted, clinic.site)
            clinic.orders.book(who, None, Wanted(wanted.schedule), order["lock_serial"], Payment(), clinic.site)

    def _answered(self, trade: Trade, result: Mapping[str, Any], ledger: tuple[str, str]) -> Reply:
        return _reply(trade.method, self._dressed(result), ledger)

    def _dressed(self, result: Mapping[str, Any]) -> str:
        """The payload with the quirks of the site."""
        quirks = self._clinic.site.quirks
        text = write(result, "Reponse" if "wrong_root" in quirks else "Response")
        if "fee_text" in quirks:
            text = _FEES.sub(_as_text, text)
        if "unclosed" in quirks:
            text = text.replace("</StopDoctorInfos>", "<StopDoctorInfos>").replace("</Schedules>", "<Schedules>")
        if "trailing" in quirks:
            text = "\ufeff" + _TEXTS.sub(r"   </\1>", text) + "  \r\n"
        if "gb_declaration" in quirks:
            text = '<?xml version="1.0" encoding="GB2312"?>' + text
        return text

    def look_again(self) -> None:
        """Lets in, in order, as many as there is place for now."""
        while self._outside and self._place():
            waiting = self._outside.popleft()
            if not waiting.done():
                self._inside += 1
                waiting.set_result(None)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Waits for a place inside, where the site has few of them, and for as long as it thinks."""
        if self._place() and not self._outside:
            self._inside += 1
        else:
            waiting = asyncio.get_running_loop().create_future()
            self._outside.append(waiting)
            await self._let_in(waiting)
        try:
            if self._clinic.site.think_ms:
                await asyncio.sleep(self._clinic.site.think_ms / 1000)
            yield
        finally:
            self._inside -= 1
            self.look_again()

    async def _let_in(self, waiting: asyncio.Future[None]) -> None:
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():  # let in and cut off in the same moment
                self._inside -= 1
                self.look_again()
            raise

    def _place(self) -> bool:
        return not self._clinic.site.at_once or self._inside < self._clinic.site.at_once


def _reply(method: str, payload: str, ledger: tuple[str, str]) -> Reply:
    """Every second trade writes its result as CDATA, the others escaped: both are met."""
    cdata = method in TRADES and list(TRADES).index(method) % 2 == 0
    body = soap.answer(method, payload, cdata=cdata).encode()
    return Reply(200, body, ledger[0], "" if ledger[0] == "0" else ledger[1], _TYPE)


def _fault(whose: str, text: str) -> Reply:
    return Reply(500, soap.fault(whose, text).encode(), whose, text, _TYPE)


def _as_text(found: re.Match[str]) -> str:
    """`  15.00元`, and `.38` for 0.38."""
    tag, whole, part = found.groups()
    return f"<{tag}>  {'' if whole == '0' else whole}.{part}元</"
