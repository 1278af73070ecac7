"""The platform behind the port: who calls, what they may send, record by record, and everything kept in a ledger.

It does not de-duplicate, and it stops at the first record it will not take; the records before that one stay taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.port import Asked, Reply
from sandbox.regulator import days, faults
from sandbox.regulator.checks import Known, Rejected, check
from sandbox.regulator.envelope import SERVICE, Unreadable, is_nonce, missing, opened, signature_fault
from sandbox.regulator.ledger import SCHEMA, Ledger
from sandbox.regulator.spec import DATASETS, NOT_FILED, Dataset

if TYPE_CHECKING:
    from aiohttp import web

    from sandbox.store import Store

PATH, TEST_PATH = "/openapi/api", "/test-openapi/api"
_WINDOW = 10 * 60 * times.SECOND
_EMPTY_DATA = -98
_SECRET = 16
"""Bytes of a channel's secret: the key of its cipher."""
_TAKEN = (200, "请求成功")


@dataclass(frozen=True, slots=True)
class Channel:
    """One way in, with its own key and its own secret of 16 bytes; the filing is the same on both."""

    path: str
    key: str
    secret: bytes
    organ: str = "12440300TEST00000X"
    unit: str = "U-DEMO-0001"

    def __post_init__(self) -> None:
        if len(self.secret) != _SECRET:
            raise ValueError(f"the regulator's secret is {2 * _SECRET} hexadecimal digits")


class _No(Exception):
    """The gateway's refusal: its code and its words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Platform:
    """What stands behind the port of the regulator."""

    def __init__(self, store: Store, secret: bytes, test_secret: bytes) -> None:
        store.define(SCHEMA)
        self._store = store
        self.ledger = Ledger(store)
        self.channels = {
            one.path: one
            for one in (Channel(PATH, "demoAppKey0001", secret), Channel(TEST_PATH, "testAppKey0001", test_secret))
        }

    @staticmethod
    def subject(request: web.Request) -> str:
        """Faults and the ledger of calls go by the dataset."""
        method = request.headers.get("X-Service-Method", "")
        return f"regulator.{method}" if method in DATASETS else "regulator"

    async def serve(self, asked: Asked) -> Reply:
        if "bad_gateway" in asked.faults:
            return Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "502", type="text/html")
        try:
            channel, method, plain = self._let_in(asked)
            code, text = self._receive(asked, channel, method, plain)
        except _No as no:
            return _reply({"code": no.code, "msg": str(no)}, str(no.code), str(no))
        body: Any = {"msgCode": code, "msg": text}
        body = [body] if "body_array" in asked.faults else body
        return _reply({"code": 200, "body": body}, str(code), "" if code == _TAKEN[0] else text)

    @staticmethod
    def busy(_asked: Asked) -> Reply:
        return _reply({"code": -1, "msg": "系统繁忙"}, "-1", "系统繁忙")

    def _let_in(self, asked: Asked) -> tuple[Channel, str, bytes]:
        """The channel, the method and the opened body of a request that is signed, permitted and in time."""
        channel = self.channels.get(asked.path.partition("?")[0])
        if channel is None or asked.method != "POST":
            raise _No(40012, "其他服务异常:没有这个地址")
        if names := missing(asked.headers):
            raise _No(40001, f"参数错误:缺少{','.join(names)}")
        for kind, (code, text) in faults.REFUSALS.items():
            if kind in asked.faults:
                raise _No(code, text)
        if asked.headers["X-Ca-Key"] != channel.key:
            raise _No(40002, "appKey不存在")
        if text := signature_fault(asked.headers, asked.body):
            raise _No(40010, text)
        self._in_time(asked)
        method = asked.headers["X-Service-Method"]
        if asked.headers["X-Service-Id"] != SERVICE or method not in {*DATASETS, *NOT_FILED}:
            raise _No(40012, "其他服务异常:没有这个服务")
        if method in NOT_FILED:
            raise _No(40006, "无权限调用该服务")
        return channel, method, self._opened(asked.body, channel)

    def _in_time(self, asked: Asked) -> None:
        """Raises _No where the timestamp is not the platform's own time, or the nonce came before."""
        stamp, nonce = asked.headers["X-Ca-Timestamp"], asked.headers["X-Ca-Nonce"]
        if not (stamp.isascii() and stamp.isdigit() and is_nonce(nonce)):
            raise _No(40001, "参数错误:X-Ca-Timestamp应为毫秒数,X-Ca-Nonce应为UUID")
        if abs(int(stamp) * 1000 - asked.now) > _WINDOW:
            raise _No(40011, "请求已过期")
        if not self.ledger.new_nonce(nonce, asked.now + 2 * _WINDOW, asked.now):
            raise _No(40011, "请求已过期:X-Ca-Nonce已使用")

    def _opened(self, body: bytes, channel: Channel) -> bytes:
        try:
            return opened(body, channel.secret)
        except Unreadable as error:
            others = [one.secret for one in self.channels.values() if one is not channel]
            if any(_opens(body, secret) for secret in others):
                raise _No(40004, "appKey与appSecret不匹配") from error
            raise _No(40001, f"参数错误:{error}") from error

    def _receive(self, asked: Asked, channel: Channel, method: str, plain: bytes) -> tuple[int, str]:
        """msgCode and msg; what was taken is on disk."""
        try:
            records = json.loads(plain.decode("utf-8"))
        except ValueError as error:
            raise _No(40001, "参数错误:明文不是UTF-8编码的JSON") from error
        if not isinstance(records, list):
            raise _No(40001, "参数错误:最外层不是数组")
        dataset = DATASETS[method]
        with self._store.together():
            code, text = self._records(asked, channel, dataset, records)
            if dataset.sign_in and code == _TAKEN[0]:
                days.sign_in(self._store, asked.now)
            self.ledger.call(asked.id, channel.key, method, asked.now, plain.decode("utf-8"), code, text)
        return code, text

    def _records(self, asked: Asked, channel: Channel, dataset: Dataset, records: list[Any]) -> tuple[int, str]:
        if not records and not dataset.sign_in:
            return _EMPTY_DATA, "数据为空"
        known = Known(
            organ=channel.organ,
            unit=channel.unit,
            drug=lambda code: self.ledger.has_drug(channel.key, code),
            business=lambda code: self.ledger.has_business(channel.key, code),
        )
        for number, record in enumerate(records, 1):
            code, text = _TAKEN
            try:
                check(record, dataset, known)
            except Rejected as no:
                code, text = no.code, str(no)
            name = str(record.get(dataset.id, "")) if isinstance(record, Mapping) else ""
            self.ledger.record(asked.id, channel.key, dataset.method, number, name, asked.now, code, text, record)
            if code != _TAKEN[0]:
                return code, text
        return _TAKEN


def _opens(body: bytes, secret: bytes) -> bool:
    try:
        opened(body, secret)
    except Unreadable:
        return False
    return True


def _reply(document: dict[str, Any], code: str, note: str) -> Reply:
    return Reply(200, json.dumps(document, ensure_ascii=False).encode(), code=code, note=note)
