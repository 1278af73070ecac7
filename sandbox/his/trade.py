"""What a trade is: its method, its codes, the tags it takes, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sandbox.his.frame import CAMPUSES, COMMON, FORMAT, NO_DATA, OPERATORS, Ask, No, tags
from sandbox.his.orders import Caller

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic

Content = Mapping[str, Any]
Run = Callable[["Clinic", Ask], Content]
SITE = "site"
"""In place of a code: the one that this site is set to."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade. `hospital`: how it spells the campus; `text`: where it answers in words."""

    method: str
    run: Run
    takes: frozenset[str]
    needs: tuple[str, ...] = ()
    code: str = ""
    hospital: Literal["HospitalId", "HospitalID"] = "HospitalId"
    text: Literal["ResultContent", "ErrorMsg"] = "ResultContent"
    done: str = field(default="成功")

    def read(self, payload: str, clinic: Clinic, now: int) -> Ask:
        """The call as asked; No says what is wrong with it."""
        root, given = tags(payload)
        if root != "Request":
            raise No(FORMAT, "入参根节点应为Request")
        if unknown := [name for name in given if name not in COMMON | self.takes | {self.hospital}]:
            raise No(FORMAT, f"未知节点:{','.join(unknown)}")
        code = clinic.site.cancel_code if self.code == SITE else self.code
        if given.get("TradeCode", "") != code and (code or given.get("TradeCode")):
            raise No(FORMAT, f"TradeCode应为{code or '空'}")
        campus = CAMPUSES.get(given.get(self.hospital, ""))
        if campus is None:
            raise No(FORMAT, f"{self.hospital}不能为空" if not given.get(self.hospital) else "院区不存在")
        operator, channel = given.get("ExtUserID", ""), given.get("ExtOrgCode", "")
        if OPERATORS.get(operator) is None or OPERATORS[operator] != channel:
            raise No(FORMAT, "ExtUserID不存在或与ExtOrgCode不符")
        ask = Ask(given, campus, operator, channel, now)
        for name in self.needs:
            ask.need(name)
        return ask


def takes(text: str) -> frozenset[str]:
    return frozenset(text.split())


def caller(ask: Ask) -> Caller:
    return Caller(ask.campus, ask.channel, ask.operator, ask.platform, ask.now)


def listed(outer: str, inner: str, rows: list[Content]) -> Content:
    """`<RecordCount>` and the rows in their container; none at all is said as code 1."""
    if not rows:
        raise No(NO_DATA, "查询不到相关数据")
    return {"RecordCount": len(rows), outer: {inner: rows}}
