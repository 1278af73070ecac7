"""The .asmx before the trades: a call is put in their words, done by them with all their faults, answered in its."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lxml import etree

from sandbox.his import soap as trades
from sandbox.his.asmx import soap
from sandbox.his.asmx.methods import METHODS, Method
from sandbox.his.asmx.words import CODES, GIVES, ROWS
from sandbox.his.facade import Facade
from sandbox.his.frame import FORMAT, NO_DATA, No, write
from sandbox.port import Asked, Reply

if TYPE_CHECKING:
    from aiohttp import web

    from sandbox.his.clinic import Clinic

_TYPE = "text/xml; charset=utf-8"
_DONE, _NOT_DONE, _FAILED = "1", "0", "-1"
_SAID = {"0": _DONE, NO_DATA: _NOT_DONE, FORMAT: _FAILED}
"""returnCode of a trade's ResultCode; a refusal for a reason of its own is a no in words, as is everything else."""
_WORDS = ("ResultContent", "ErrorMsg")
_WHOLE = etree.XMLParser(resolve_entities=False, no_network=True)
_TORN = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)


class Asmx:
    """Stands before the facade of the trades, at a path of its own."""

    def __init__(self, facade: Facade, clinic: Clinic) -> None:
        self._facade, self._clinic = facade, clinic

    @staticmethod
    def subject(request: web.Request) -> str:
        """Faults and ledger go by the trade that does the work, whatever it is called by."""
        method = METHODS.get(soap.action(request.headers.get("SOAPAction")))
        return f"his.{method.trade}" if method is not None else Facade.subject(request)

    def busy(self, asked: Asked) -> Reply:
        if not _is_ours(asked):
            return self._facade.busy(asked)
        method = METHODS.get(soap.action(asked.headers.get("SOAPAction")))
        if method is None:
            return _fault("Server", "Server was unable to process request. ---> Server is too busy")
        return _answered(method, self._facade.busy(_as_trade(method, "", asked)))

    async def serve(self, asked: Asked) -> Reply:
        if not _is_ours(asked):
            return await self._facade.serve(asked)
        if asked.method == "GET" and asked.path.partition("?")[2].lower() == "wsdl":
            return Reply(200, soap.wsdl(f"http://{asked.headers.get('Host')}"), _DONE, "WSDL", _TYPE)
        if asked.method != "POST":
            return Reply(405, b"", "405", "POST expected", "text/html; charset=utf-8")
        try:
            if not asked.headers.get("Content-Type", "").lower().startswith("text/xml"):
                raise trades.Fault("Client", "Server cannot service request because the media type is unsupported.")
            name, payload = soap.read(asked.body, asked.headers.get("SOAPAction"))
            method = METHODS[name]
            inner = method.asked(payload, self._clinic)
        except trades.Fault as fault:
            return _fault(fault.whose, fault.text)
        except No as no:
            return _said(method, {"returnCode": no.code, "returnDesc": f"参数错误:{no.text}"})
        return _answered(method, await self._facade.serve(_as_trade(method, inner, asked)))


def _is_ours(asked: Asked) -> bool:
    return asked.path.partition("?")[0] == soap.PATH


def _as_trade(method: Method, payload: str, asked: Asked) -> Asked:
    headers = {"Content-Type": "text/xml", "SOAPAction": f"{trades.NAMESPACE}/{trades.CLASS}.{method.trade}"}
    return replace(asked, path=trades.PATH, headers=headers, body=trades.request(method.trade, payload))


def _answered(method: Method, reply: Reply) -> Reply:
    """A trade's reply as this service gives it: what is lost stays lost, and what is torn is torn."""
    if reply.lost:
        return reply
    if reply.status != 200:
        return _fault("Server", f"Server was unable to process request. ---> {reply.note}")
    payload = trades.result(reply.body).lstrip("\ufeff").strip().encode()
    try:
        root, torn = etree.fromstring(payload, _WHOLE), False
    except etree.XMLSyntaxError:
        root, torn = etree.fromstring(payload, _TORN), True
    code = _SAID.get(root.findtext("ResultCode") or "", _NOT_DONE)
    words = next((text for tag in _WORDS if (text := root.findtext(tag))), "")
    return _said(method, {"returnCode": code, "returnDesc": method.words(words), **_worded(root)}, torn=torn)


def _worded(element: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        name = str(child.tag)
        if len(child) and name in ROWS:
            found.setdefault(ROWS[name], []).append(_worded(child))
        elif not len(child) and name in GIVES:
            text = child.text or ""
            found[GIVES[name]] = CODES.get(name, {}).get(text, text).replace("^", " ", name == "AdmitRange")
    if found.get("telLimit") and found.get("telLeft"):
        found["telReged"] = str(int(found["telLimit"]) - int(found["telLeft"]))
    return found


def _said(method: Method, result: Mapping[str, Any], *, torn: bool = False) -> Reply:
    text = write(result)
    code = str(result["returnCode"])
    note = "" if code == _DONE else str(result["returnDesc"])
    return Reply(200, soap.answer(method.name, text[: len(text) * 2 // 3] if torn else text), code, note, _TYPE)


def _fault(whose: str, text: str) -> Reply:
    return Reply(500, soap.fault(whose, text), whose, text, _TYPE)
