"""The platform as its web page shows it to a person: look up a number, see the days and what came in."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.markup import Html, table
from sandbox.regulator import days
from sandbox.regulator.spec import DATASETS

if TYPE_CHECKING:
    from sandbox.regulator.platform import Platform
    from sandbox.store import Store

_HERE = "/page/regulator"
_COLOURS = {"green": "已签到", "red": "未签到", "open": "待签到"}
_VERDICTS = {
    "ok": "已接收",
    "corrected": "更正后接收",
    "refused": "未接收",
    "duplicate": "重复",
    "unexpected": "不应上报",
}


def home(platform: Platform, store: Store, private: set[str], wanted: str) -> list[str]:
    """The parts of the page; `private`: numbers not to be reported; `wanted`: the number that somebody looks up."""
    return [_search(wanted), _found(platform, wanted) if wanted else "", _counts(platform, private), _days(store)]


def _search(wanted: str) -> str:
    return (
        f'<form method="get" action="{_HERE}">业务编号 <input name="name" value="{escape(wanted)}"> '
        '<input type="submit" value="查询"></form>'
    )


def _found(platform: Platform, wanted: str) -> str:
    rows = [
        [
            row["at"],
            row["title"],
            row["name"],
            "已接收" if row["code"] == 200 else "未接收",
            f"{row['code']} {row['msg']}",
            Html(f"<pre>{escape(json.dumps(row['record'], ensure_ascii=False, indent=1))}</pre>"),
        ]
        for row in platform.ledger.records(None, wanted, 50)
    ]
    return "<h2>查询结果</h2>" + table("时间 数据集 编号 结论 应答 内容", rows)


def _counts(platform: Platform, private: set[str]) -> str:
    found = platform.ledger.compare(private)["rows"]
    rows = [
        [dataset.title, method, *[_count(found, method, verdict) for verdict in _VERDICTS]]
        for method, dataset in DATASETS.items()
    ]
    return "<h2>上报情况</h2>" + table(f"数据集 接口 {' '.join(_VERDICTS.values())}", rows)


def _count(found: list[dict[str, str]], method: str, verdict: str) -> int:
    return sum(1 for row in found if (row["method"], row["verdict"]) == (method, verdict))


def _days(store: Store) -> str:
    rows = [[row["day"], _COLOURS[row["colour"]], row["signed_at"]] for row in days.shown(store, times.now())]
    return "<h2>每日签到(医疗争议)</h2>" + table("日期 状态 时间", rows)
