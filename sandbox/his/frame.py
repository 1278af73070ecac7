"""The frame inside the string: `<Request>` read strictly, `<Response>` written.

`<Request><TradeCode/><ExtOrgCode/><ClientType/><HospitalId/><ExtUserID/>…</Request>`: names are looked up, so their
order does not matter; a name nobody knows, one that stands twice, or anything nested is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from sandbox import times

FORMAT, NO_DATA = "-1", "1"
COMMON = frozenset({"TradeCode", "ExtOrgCode", "ClientType", "ExtUserID", "TerminalID", "TransactionId", "ExpStr"})
CAMPUSES = {"1": "main", "2": "north", "3": "lake"}
HOSPITALS = {campus: number for number, campus in CAMPUSES.items()}
OPERATORS = {
    "WX001": "WECHAT",
    "ZFB001": "ALIPAY",
    "ZZJ001": "KIOSK",
    "YYT001": "HISBUS",
    "TJ001": "STATISTICS",
}
"""Accounts made in the HIS for its channels, each with its 预约机构; the last one sees what all of them did."""
SEES_ALL = "TJ001"
_XML = re.compile(r"^\ufeff?\s*(<\?xml[^>]*\?>)?\s*")
_FORBIDDEN = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")


class No(Exception):
    """A refusal in words: ResultCode and its text. `1` says that nothing was found."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass(frozen=True, slots=True)
class Ask:
    """One trade as it was asked for: checked tags, the campus it is about, who asks, and when."""

    tags: Mapping[str, str]
    campus: str
    operator: str
    channel: str
    now: int
    surcharge: int = 0  # fen that the fee turns out higher by: a fault

    def __getitem__(self, name: str) -> str:
        """The text of a tag, empty where it is not there."""
        return self.tags.get(name, "")

    @property
    def today(self) -> date:
        return times.local(self.now).date()

    @property
    def platform(self) -> str:
        """The platform's own serial of this call."""
        return self["PayOrdId"] or self["TransactionId"]

    def need(self, name: str) -> str:
        if not self[name]:
            raise No(FORMAT, f"{name}不能为空")
        return self[name]

    def day(self, name: str, default: date) -> date:
        """A date as `yyyy-MM-dd`; the default where none is given."""
        text = self[name]
        if not text:
            return default
        try:
            if not _DAY.fullmatch(text):
                raise ValueError(text)
            return date.fromisoformat(text)
        except ValueError as error:
            raise No(FORMAT, f"{name}格式错误,应为YYYY-MM-DD") from error

    def clock(self, name: str) -> str:
        """A time of day as `HH:MM`, empty where none is given; seconds may be there."""
        text = self[name]
        if text and not _CLOCK.fullmatch(text):
            raise No(FORMAT, f"{name}格式错误,应为HH:MM:SS")
        return text[:5]


def tags(text: str) -> tuple[str, dict[str, str]]:
    """Root name and tags of a flat document; No where it is none."""
    if _FORBIDDEN.search(text):
        raise No(FORMAT, "入参XML含有DOCTYPE")
    try:
        root = etree.fromstring(_XML.sub("", text), _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise No(FORMAT, "入参XML格式错误") from error
    found: dict[str, str] = {}
    for child in root.iterchildren(etree.Element):
        if len(child):
            raise No(FORMAT, f"节点{child.tag}不能有下级节点")
        if child.tag in found:
            raise No(FORMAT, f"节点{child.tag}重复")
        found[str(child.tag)] = (child.text or "").strip()
    return str(root.tag), found


_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def write(content: Mapping[str, Any], root: str = "Response") -> str:
    """A document of nested mappings; a list repeats its element, None is left out."""
    return f"<{root}>{''.join([_element(name, value) for name, value in content.items()])}</{root}>"


def _element(name: str, value: Any) -> str:
    if isinstance(value, str):
        return f"<{name}>{escape(value)}</{name}>"
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join([_element(name, one) for one in value])
    return write(value, name) if isinstance(value, dict) else f"<{name}>{value}</{name}>"


def yuan(fen: int) -> str:
    """`15.00` for 1500."""
    return f"{fen // 100}.{fen % 100:02d}"


def shown_day(at: int) -> str:
    return times.local(at).strftime("%Y-%m-%d")


def instant(day: str, clock: str) -> int:
    """`2026-11-21`, `08:00` or `08:00:00` on the hospital's wall."""
    return times.instant(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=times.ZONE))
