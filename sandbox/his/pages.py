"""The HIS on the hospital's page: clock, 号源 of a day, bookings, 停诊, queues. Plain HTML, no scripts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox import times
from sandbox.his import ledger
from sandbox.his.rota import AHEAD, SESSIONS, TYPES
from sandbox.his.trades.records import STATES
from sandbox.markup import Html, button, table

if TYPE_CHECKING:
    from sandbox.his.system import His

_HERE = "/page/his"
_ACTS = {"lock": "锁号", "book": "预约"}
_PUSHES = {"waiting": "待推送", "acked": "已确认"}


def home(his: His) -> list[str]:
    """The parts of the page about the HIS as a whole."""
    his.clinic.settle(his.clock.now())
    return [_clock(his), _days(his), _orders(his), _stops(his), _acts(his)]


def day(his: His, campus: str, wanted: str) -> list[str]:
    """The schedules of a campus on a day, each with what can be done to it."""
    his.clinic.settle(his.clock.now())
    chosen = date.fromisoformat(wanted) if wanted else his.clock.today()
    names = his.clinic.names()
    rows: list[list[Any]] = []
    here = f"{_HERE}/day?campus={campus}&day={chosen}"
    for row in his.clinic.rota.find(campus, chosen, chosen, "", ""):
        code, doctor = row["code"], names.doctor(row["doctor"])
        acts = [
            button("/his/queue/next", "叫下一位", here, schedule=code),
            button("/his/queue/miss", "过号", here, schedule=code),
            *([] if row["stopped"] else [button("/his/stop", "停诊", here, schedule=code)]),
        ]
        rows.append(
            [
                Html(f'<a href="/his/slots?schedule={quote(code)}">{code}</a>'),
                names.department(row["department"]),
                doctor[0] or "普通号",
                SESSIONS[row["session"]][0],
                f"{row['begins']}-{row['ends']}",
                TYPES[row["type"]][0],
                f"{row['left']}/{row['total']}",
                "停诊" if row["stopped"] else "正常",
                Html("".join(acts)),
            ]
        )
    return [f"<h2>{chosen} 排班</h2>", table("排班 科室 医生 班次 时间 号别 余号 状态 操作", rows)]


def _clock(his: His) -> str:
    shown = times.shown(his.clock.now())
    buttons = " ".join(
        (
            button("/his/clock", "快进1分钟", _HERE, advance="60"),
            button("/his/clock", "快进15分钟", _HERE, advance="900"),
            button("/his/clock", "快进1小时", _HERE, advance="3600"),
            button("/his/clock", "快进1天", _HERE, advance="86400"),
            button("/his/clock", "继续走" if his.clock.held else "停住", _HERE, hold="0" if his.clock.held else "1"),
        )
    )
    totals = " ".join(f"{STATES[state][1]}{count}" for state, count in ledger.totals(his.store).items())
    return f"<h2>HIS时钟</h2><p>{shown} {buttons}</p><p>号源状态:{totals or '(暂无)'}</p>"


def _days(his: His) -> str:
    links = []
    for campus, name in ((row["code"], row["name"]) for row in his.store.all("select code, name from campuses")):
        days = (his.clock.today() + timedelta(days=ahead) for ahead in range(AHEAD + 1))
        shown = " ".join(f'<a href="{_HERE}/day?campus={campus}&day={one}">{one:%m-%d}</a>' for one in days)
        links.append(f"<p>{name} {shown}</p>")
    return "<h2>排班</h2>" + "".join(links)


def _orders(his: His) -> str:
    names = his.clinic.names()
    rows = [
        [
            row["code"] or row["lock_serial"],
            row["patient"],
            names.department(row["department"]),
            row["day"],
            row["queue_no"],
            STATES[row["state"]][1] + ("(停诊)" if row["stop"] is not None else ""),
            row["channel"],
            row["lock_platform"],
            row["book_platform"],
            row["locked_at"],
            row["booked_at"],
        ]
        for row in ledger.orders(his.store, {}, 40)
    ]
    return "<h2>锁号与预约</h2>" + table("单号 患者 科室 日期 序号 状态 渠道 锁号流水 预约流水 锁号时间 预约时间", rows)


def _stops(his: His) -> str:
    rows = his.store.all(
        """select t.*, s.day, p.state as push, p.attempts, p.outcome from his_stops t
           join his_schedules s on s.code = t.schedule join his_pushes p on p.stop = t.id order by t.id desc limit 20"""
    )
    return "<h2>停诊</h2>" + table(
        "编号 排班 日期 时间 原因 替诊医生 推送 次数 结果",
        [
            [
                row["id"],
                row["schedule"],
                row["day"],
                f"{row['begins']}-{row['ends']}",
                row["reason"],
                row["replacement"],
                _PUSHES[row["push"]],
                row["attempts"],
                row["outcome"],
            ]
            for row in rows
        ],
    )


def _acts(his: His) -> str:
    rows = his.store.all("select * from his_acts order by id desc limit 20")
    return "<h2>最近操作</h2>" + table(
        "时间 操作 患者 排班 序号 流水 渠道",
        [
            [
                times.shown(row["at"]),
                _ACTS.get(row["act"]) or STATES[row["act"]][1],
                row["patient"],
                row["schedule"],
                row["queue_no"],
                row["platform"] or row["serial"],
                row["channel"],
            ]
            for row in rows
        ],
    )
