"""The hospital's message platform (消息平台): sends a text to a patient's phone and keeps a ledger of it.

Strict on purpose: unknown or missing fields, a wrong template, a wrong phone, a wrong type are refused with a
reason. It does not de-duplicate: whoever sends twice has told the patient twice, and the ledger shows it.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.port import Asked, Reply
from sandbox.signature import Guard, Unsigned

if TYPE_CHECKING:
    from sandbox.store import Store

SEND = "/api/message/send"
STATUS = "/api/message/status"
DELIVERED_AFTER = 2 * times.SECOND
_MINUTES_AHEAD = 5

TEMPLATES = {
    "T1001": ("REPORT_READY", "{name}您好,您的{title}(单号{reportNo})已于{reportTime}出具,请在线查询。"),
    "T1002": ("REPORT_CORRECTED", "{name}您好,您的{title}(单号{reportNo})已于{reportTime}更正,请以新报告为准。"),
    "T1003": ("REPORT_WITHDRAWN", "{name}您好,您的{title}(单号{reportNo})已于{reportTime}撤回,如有疑问请联系科室。"),
    "T1004": ("SCHEDULE_STOPPED", "{name}您好,您预约的{dept}({visitTime})因{reason}停诊,后续办理请在线查询。"),
    "T1005": ("SCHEDULE_REPLACED", "{name}您好,您预约的{dept}({visitTime})改由{doctor}出诊,原预约有效。"),
    "T1006": ("STOP_HANDLED", "排班{schedule}({visitTime})的停诊已处理,涉及预约{count}个。"),
    "T1007": ("SMS_CODE", "您的验证码是{code},{seconds}秒内有效,请勿告知他人。"),
}
_FIELDS = {"msgId", "scene", "patientId", "mobile", "templateCode", "params", "sendTime"}
_PARAM = re.compile(r"\{(\w+)\}")
_MSG_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_PATIENT = re.compile(r"[A-Za-z0-9_-]{1,32}")
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)


class _No(Exception):
    """A refusal: the code and the words the caller gets."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Gateway:
    """What stands behind the port of the message platform."""

    def __init__(self, store: Store, guard: Guard) -> None:
        self._store = store
        self._guard = guard

    async def serve(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        try:
            if path not in (SEND, STATUS):
                raise _No("1440", "接口不存在", 404)
            if asked.method != ("POST" if path == SEND else "GET"):
                raise _No("1405", "请求方法错误", 405)
            app = self._caller(asked)
            data = self._send(asked, app) if path == SEND else self._status(asked, app)
        except _No as no:
            return _reply(no.status, no.code, no.message, None)
        return _reply(200, "0", "成功", data)

    @staticmethod
    def busy(_asked: Asked) -> Reply:
        return _reply(200, "1500", "系统繁忙,请稍后再试", None)

    def _caller(self, asked: Asked) -> str:
        try:
            return self._guard.check(asked.method, asked.path, asked.headers, asked.body, asked.now / times.SECOND)
        except Unsigned as no:
            raise _No("1401", str(no), 401) from no

    def _send(self, asked: Asked, app: str) -> dict[str, Any]:
        message = checked(asked)
        serial = f"GW{times.local(asked.now):%Y%m%d}{self._store.count('serial'):08d}"
        self._store.insert(
            "gateway_messages",
            serial_no=serial,
            call=asked.id,
            app=app,
            msg_id=message["msgId"],
            scene=message["scene"],
            patient_id=message["patientId"],
            mobile=message["mobile"],
            template_code=message["templateCode"],
            params=message["params"],
            text=TEMPLATES[message["templateCode"]][1].format(**message["params"]),
            send_time=message["sendTime"],
            at=asked.now,
        )
        return {"serialNo": serial, "state": "SENT"}

    def _status(self, asked: Asked, app: str) -> dict[str, Any]:
        wanted = asked.query.get("msgId", "")
        if set(asked.query) != {"msgId"} or not _MSG_ID.fullmatch(wanted):
            raise _No("1422", "msgId 缺失或格式错误")
        rows = self._store.all(
            "select * from gateway_messages where app = ? and msg_id = ? order by rowid desc", app, wanted
        )
        if not rows:
            raise _No("1404", "消息不存在")
        last = rows[0]
        return {
            "msgId": wanted,
            "serialNo": last["serial_no"],
            "state": state(last["at"], asked.now),
            "acceptedAt": times.shown(last["at"]),
            "count": len(rows),
        }


def state(accepted: int, now: int) -> str:
    """A message is with the operator at once, and on the phone two seconds later."""
    return "DELIVERED" if now - accepted >= DELIVERED_AFTER else "SENT"


def checked(asked: Asked) -> dict[str, Any]:
    """The request body when everything about it is right."""
    kind = asked.headers.get("Content-Type", "").replace(" ", "").lower()
    if kind not in ("application/json", "application/json;charset=utf-8"):
        raise _No("1415", "Content-Type 必须是 application/json", 200)
    try:
        message = json.loads(asked.body.decode("utf-8"), object_pairs_hook=_once)
    except ValueError as error:
        raise _No("1400", "请求体不是UTF-8编码的JSON对象,或有重复字段") from error
    if not isinstance(message, dict):
        raise _No("1400", "请求体必须是JSON对象")
    _exact(set(message), _FIELDS, "字段")
    for name in sorted(_FIELDS - {"params"}):
        _require(isinstance(message[name], str) and message[name], f"{name} 必须是非空字符串")
    _require(_MSG_ID.fullmatch(message["msgId"]), "msgId 只能含字母、数字、_.:-,最长64位")
    _require(_PATIENT.fullmatch(message["patientId"]), "patientId 格式错误")
    _require(_MOBILE.fullmatch(message["mobile"]), "mobile 不是有效的手机号")
    _template(message)
    sent = _time(message["sendTime"], "sendTime")
    _require((sent - asked.now) <= _MINUTES_AHEAD * 60 * times.SECOND, "sendTime 晚于当前时间")
    return message


def _template(message: dict[str, Any]) -> None:
    template = TEMPLATES.get(message["templateCode"])
    _require(template, "templateCode 不存在")
    _require(template and template[0] == message["scene"], "scene 与模板不符")
    params = message["params"]
    _require(isinstance(params, dict), "params 必须是对象")
    wanted = set(_PARAM.findall(template[1])) if template else set()
    _exact(set(params), wanted, "模板参数")
    for name in sorted(wanted):
        value = params[name]
        _require(isinstance(value, str) and 0 < len(value) <= 100, f"模板参数 {name} 必须是1到100字的字符串")
        _require(value.isprintable(), f"模板参数 {name} 含有控制字符")
    if "reportTime" in wanted:
        _time(params["reportTime"], "reportTime")


def _exact(given: set[str], wanted: set[str], what: str) -> None:
    if missing := sorted(wanted - given):
        raise _No("1422", f"缺少{what}:{','.join(missing)}")
    if unknown := sorted(given - wanted):
        raise _No("1422", f"未知{what}:{','.join(unknown)}")


def _require(condition: object, message: str) -> None:
    if not condition:
        raise _No("1422", message)


def _time(text: str, name: str) -> int:
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=times.ZONE)
    except ValueError as error:
        raise _No("1422", f"{name} 格式应为 yyyy-MM-dd HH:mm:ss") from error
    _require(moment.strftime("%Y-%m-%d %H:%M:%S") == text, f"{name} 格式应为 yyyy-MM-dd HH:mm:ss")
    return times.instant(moment)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands twice")
    return found


def _reply(status: int, code: str, message: str, data: dict[str, Any] | None) -> Reply:
    body = json.dumps({"code": code, "msg": message, "data": data}, ensure_ascii=False).encode()
    return Reply(status=status, body=body, code=code, note="" if code == "0" else message)
