"""Pages for people, made on the server: plain HTML that a hospital PC of ten years ago can show. No scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox import times
from sandbox.compare import compare
from sandbox.gateway import state
from sandbox.his import pages as his_pages
from sandbox.markup import Html, button, table
from sandbox.regulator import pages as regulator_pages

if TYPE_CHECKING:
    from sandbox.hospital import Hospital

_STYLE = """body{font-family:"Microsoft YaHei",SimSun,sans-serif;font-size:14px;margin:16px;color:#222}
table{border-collapse:collapse;margin:6px 0 18px}td,th{border:1px solid #bbb;padding:3px 8px;text-align:left}
th{background:#eef3f7}form{display:inline}.bad{color:#b00020}
.nav a{margin-right:14px}pre{background:#f6f6f6;padding:8px}"""
_NAV = (
    ("/", "总览"),
    ("/page/reports", "报告"),
    ("/page/compare", "对账"),
    ("/page/his", "HIS"),
    ("/page/regulator", "监管平台"),
    ("/patients?limit=20", "患者(JSON)"),
    ("/ledger/sent", "发送台账(JSON)"),
    ("/ledger/gateway", "消息台账(JSON)"),
    ("/faults", "故障(JSON)"),
)
_STATUS = {"P": "初步", "F": "已审核", "C": "已更正", "X": "已撤回"}
_OUTCOMES = {
    "accepted": "已确认",
    "refused": "对方报错",
    "rejected": "对方拒收",
    "silent": "无应答",
    "broken": "连接中断",
    "under way": "发送中",
    "stray answer": "多余应答",
    "stopped": "已停止",
    "restarted": "重启前中断",
}


def add(app: web.Application, hospital: Hospital) -> None:
    """The pages' addresses."""

    async def home(_request: web.Request) -> web.Response:
        return _page("模拟医院", _senders(hospital), _publish(), _sent(hospital), _arrived(hospital), _faults(hospital))

    async def reports(_request: web.Request) -> web.Response:
        return _page("报告", _publish(), _reports(hospital))

    async def comparison(_request: web.Request) -> web.Response:
        return _page("台账核对", _comparison(hospital))

    async def his(_request: web.Request) -> web.Response:
        return _page("HIS", *his_pages.home(hospital.his))

    async def his_day(request: web.Request) -> web.Response:
        query = request.query
        return _page("排班", *his_pages.day(hospital.his, query.get("campus", "main"), query.get("day", "")))

    async def regulator(request: web.Request) -> web.Response:
        wanted = request.query.get("name", "").strip()
        private = hospital.warehouse.private()
        return _page("监管平台", *regulator_pages.home(hospital.regulator, hospital.store, private, wanted))

    async def message(request: web.Request) -> web.Response:
        return _page("报文", _message(hospital, int(request.match_info["seq"])))

    app.router.add_get("/", home)
    app.router.add_get("/page/reports", reports)
    app.router.add_get("/page/compare", comparison)
    app.router.add_get("/page/his", his)
    app.router.add_get("/page/his/day", his_day)
    app.router.add_get("/page/regulator", regulator)
    app.router.add_get("/page/message/{seq:\\d+}", message)


def _page(title: str, *parts: str) -> web.Response:
    links = " ".join(f'<a href="{escape(url)}">{text}</a>' for url, text in _NAV)
    html = f"""<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>
<style>{_STYLE}</style></head><body><h1>{title}</h1><p class="nav">{links}</p>{"".join(parts)}</body></html>"""
    return web.Response(text=html, content_type="text/html")


def _senders(hospital: Hospital) -> str:
    rows = []
    for sender in hospital.senders.values():
        now = sender.state()
        link = "已连接" if now["connected"] else Html(f'<span class="bad">未连接 {escape(now["trouble"])}</span>')
        mode = {"enhanced": "增强", "original": "原始"}[now["mode"]]
        rows.append(
            [
                now["name"],
                now["title"],
                now["version"],
                now["charset"],
                mode,
                link,
                now["waiting"],
                now["acked"],
                now["dead"],
            ]
        )
    return "<h2>检验与影像系统</h2>" + table("名称 系统 版本 字符集 应答模式 连接 待发 已确认 作废", rows)


def _publish() -> str:
    buttons = (
        button("/publish", "发布检验报告", "/", kind="lab"),
        button("/publish", "发布初步报告", "/", kind="lab", status="P"),
        button("/publish", "发布微生物报告", "/", kind="lab", item="MICRO"),
        button("/publish", "发布检查报告", "/", kind="exam"),
        button("/burst", "突发100份(8连接)", "/", count="100", connections="8"),
    )
    return "<p>" + " ".join(buttons) + "</p>"


def _sent(hospital: Hospital) -> str:
    rows = hospital.store.all(
        """select s.*, o.report, o.version, o.status from sendings s left join outbox o on o.seq = s.outbox
           order by s.id desc limit 20"""
    )
    return "<h2>最近发送</h2>" + table(
        "时间 系统 消息号 报告 版本 状态 次数 结果 应答 故障 意见",
        [
            [
                times.shown(row["at"]),
                row["sender"],
                Html(f'<a href="/page/message/{row["outbox"]}">{escape(row["control_id"])}</a>'),
                row["report"],
                row["version"],
                _STATUS.get(row["status"]),
                row["n"],
                _OUTCOMES.get(row["outcome"], row["outcome"]),
                f"{row['ack_code'] or ''} {row['ack_text'] or ''}",
                row["faults"],
                row["complaints"],
            ]
            for row in rows
        ],
    )


def _arrived(hospital: Hospital) -> str:
    rows = hospital.store.all("select * from gateway_messages order by rowid desc limit 20")
    now = times.now()
    shown = {"SENT": "已发出", "DELIVERED": "已送达"}
    return "<h2>消息平台收到</h2>" + table(
        "时间 流水号 场景 手机 内容 状态",
        [
            [times.shown(r["at"]), r["serial_no"], r["scene"], r["mobile"], r["text"], shown[state(r["at"], now)]]
            for r in rows
        ],
    )


def _faults(hospital: Hospital) -> str:
    rows = [
        [
            f.id,
            f.system,
            f.kind,
            f.amount,
            f.chance,
            f.every,
            f.left,
            f.used,
            button("/faults/clear", "关闭", "/", id=str(f.id)),
        ]
        for f in hospital.faults.active()
    ]
    systems = "".join(f"<option>{name}</option>" for name in hospital.faults.names)
    kinds = sorted({kind for name in hospital.faults.names for kind in hospital.faults.kinds(name)})
    choices = "".join(f"<option>{kind}</option>" for kind in kinds)
    form = f"""<form method="post" action="/faults"><select name="system">{systems}</select>
<select name="kind">{choices}</select> 数值<input name="amount" size="5"> 次数<input name="times" size="5">
每<input name="every" size="3">次
<input type="hidden" name="back" value="/"><input type="submit" value="开启"></form>"""
    return "<h2>故障开关</h2>" + table("编号 系统 种类 数值 概率 每几次 剩余 已用 操作", rows) + form


def _reports(hospital: Hospital) -> str:
    rows = hospital.store.all(
        """select r.id, r.title, r.sender, r.patient, p.name, v.n, v.status, v.at from reports r
           join patients p on p.id = r.patient join versions v on v.report = r.id
            and v.n = (select max(n) from versions w where w.report = r.id) order by r.rowid desc limit 60"""
    )
    acts = (
        ("final", "审核"),
        ("correct", "更正"),
        ("withdraw", "撤回"),
        ("late-old-version", "迟到旧版"),
        ("resend", "重发"),
    )
    shown = []
    for row in rows:
        buttons = "".join(button(f"/{act}", text, "/page/reports", report=row["id"]) for act, text in acts)
        link = Html(f'<a href="/reports/{row["id"]}">{row["id"]}</a>')
        status = _STATUS[row["status"]]
        when = times.shown(row["at"])
        shown.append([link, row["title"], row["sender"], row["name"], row["n"], status, when, Html(buttons)])
    return table("单号 名称 系统 患者 版本 状态 报告时间 操作", shown)


def _comparison(hospital: Hospital) -> str:
    found = compare(hospital.store)
    words = {
        "ok": "一致",
        "missing": "缺失",
        "duplicate": "重复",
        "misdirected": "发错对象",
        "unexpected": "不应出现",
        "optional": "无需通知",
    }
    summary = table("结论 数量", [[words[name], count] for name, count in found["summary"].items()])
    rows = [
        [
            row["report"],
            row["version"],
            _STATUS.get(row["status"]),
            row["acked_at"],
            row["arrived"],
            words[row["verdict"]],
        ]
        for row in found["rows"][-200:]
    ]
    return summary + table("单号 版本 状态 确认时间 到达次数 结论", rows)


def _message(hospital: Hospital, seq: int) -> str:
    row = hospital.store.one("select * from outbox where seq = ?", seq)
    if row is None:
        raise web.HTTPNotFound
    codec = hospital.senders[row["sender"]].style.codec
    text = bytes(row["message"]).decode(codec).replace("\r", "\n")
    acks = hospital.store.all("select ack from sendings where outbox = ? and ack is not null", seq)
    answers = "\n".join(bytes(one["ack"]).decode(codec, "replace").replace("\r", "\n") for one in acks)
    return f"<h2>发出</h2><pre>{escape(text)}</pre><h2>应答</h2><pre>{escape(answers)}</pre>"
