"""What people and tests do at port 9000: commands, pages, and what they are refused."""

import json
from typing import Any

import pytest
from his_caller import HisCaller

from sandbox import cli


@pytest.fixture
def run(his: HisCaller, capsys: pytest.CaptureFixture[str]) -> Any:
    import asyncio

    async def run(*words: str, code: int = 0) -> Any:
        found = await asyncio.to_thread(cli.main, ["--at", his.admin_url, "--json", "his", *words])
        out = capsys.readouterr().out
        assert found == code, out
        return json.loads(out) if out else None

    return run


async def test_the_command_line_reaches_every_act(his: HisCaller, run: Any) -> None:
    schedule = (await run("open", "--department", "1001", "--day", "2026-11-21", "--total", "8"))["schedule"]
    booked = await his.book(schedule, serial="7")
    assert (await run("orders", "--platform", "B7"))["rows"][0]["code"] == booked["OrderCode"]
    assert [row["act"] for row in (await run("acts", "--patient", "0000000007"))["rows"]] == ["book", "lock"]
    assert (await run("acts", "--step", "lock"))["count"] == 1
    assert (await run("slots", "--schedule", schedule))["rows"][0]["patient"] == "0000000007"
    mine = [
        row
        for row in (await run("schedules", "--day", "2026-11-21", "--limit", "900"))["rows"]
        if row["code"] == schedule
    ]
    assert (mine[0]["left"], mine[0]["total"]) == (7, 8)
    assert (await run("compare"))["summary"] == {"ok": 1}
    assert (await run("clock", "--set", "2026-11-21 08:00:00", "--run"))["held"] is False
    assert (await run("clock", "--advance", "60", "--hold"))["held"] is True
    await his.call("OPAllocAutoReport", ID="0000000007", IDType="1")
    assert (await run("next", schedule))["called"] == booked["OrderCode"]
    assert (await run("miss", schedule))["missed"] == booked["OrderCode"]
    assert (await run("blacklist", "0000000009"))["blacklist"] == ["0000000009"]
    assert (await run("blacklist", "0000000009", "--off"))["blacklist"] == []
    assert (await run("site", "lock_minutes=5", "quirks=trailing fee_text"))["lock_minutes"] == 5
    assert (await run("site"))["quirks"] == ["trailing", "fee_text"]
    assert (await run("stop", schedule, "--from", "09:00", "--to", "10:00", "--reason", "手术"))["stop"] == 1
    assert [(await run(name))["count"] for name in ("stops", "pushes")] == [1, 1]
    await run("miss", schedule, code=1)


async def test_a_comparison_that_disagrees_exits_with_one(his: HisCaller, run: Any) -> None:
    await his.admin("/his/site", {"repeated": "again"})
    schedule = await his.schedule()
    await his.book(schedule)
    await his.book(schedule)
    assert (await run("compare", "--verdict", "double", code=1))["rows"][0]["verdict"] == "double"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("schedules", {"department": "9999", "day": "2026-11-21"}),
        ("schedules", {"department": "1001", "day": "tomorrow"}),
        ("schedules", {"department": "1001", "day": "2026-11-21", "doctor": "D0002"}),
        ("schedules", {"department": "1001", "day": "2026-11-21", "session": "Z"}),
        ("schedules", {"department": "1001", "day": "2026-11-21", "total": 5000}),
        ("stop", {"schedule": "9999||1"}),
        ("stop", {"schedule": "", "why": "no"}),
        ("queue/next", {"schedule": "9999||1"}),
        ("clock", {"set": "later"}),
        ("clock", {"speed": 2}),
        ("site", {"colour": "red"}),
        ("site", {"quirks": "unknown"}),
        ("site", {"repeated": "maybe"}),
        ("site", {"lock_first": "perhaps"}),
        ("site", {"at_once": -1}),
        ("compare", {"told": [{"name": "x"}]}),
        ("compare", {}),
    ],
)
async def test_a_mistake_is_said(his: HisCaller, path: str, body: dict[str, Any]) -> None:
    async with his.session.post(f"{his.admin_url}/his/{path}", json=body) as answer:
        assert (answer.status, bool((await answer.json())["error"])) == (400, True)


async def test_a_stop_must_lie_within_its_session_and_come_once(his: HisCaller) -> None:
    schedule = await his.schedule()
    for wrong in ({"from": "07:00"}, {"from": "10:00", "to": "09:00"}, {"replacement": "D9999"}):
        async with his.session.post(f"{his.admin_url}/his/stop", json={"schedule": schedule, **wrong}) as answer:
            assert answer.status == 400
    await his.admin("/his/stop", {"schedule": schedule})
    async with his.session.post(f"{his.admin_url}/his/stop", json={"schedule": schedule}) as answer:
        assert answer.status == 400


async def test_the_pages_show_it_and_their_buttons_work(his: HisCaller) -> None:
    schedule = await his.schedule()
    booked = await his.book(schedule)
    await his.admin("/his/stop", {"schedule": schedule, "reason": "<b>外出</b>"})
    async with his.session.get(f"{his.admin_url}/page/his") as answer:
        page = await answer.text()
    for sign in ("2026-11-20 10:00:00", booked["OrderCode"], "已预约(停诊)", "&lt;b&gt;外出", "桃源院区"):
        assert sign in page
    async with his.session.get(f"{his.admin_url}/page/his/day?campus=main&day=2026-11-21") as answer:
        assert schedule in await answer.text()
    form = {"advance": "60", "back": "/page/his"}
    async with his.session.post(f"{his.admin_url}/his/clock", data=form, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/page/his")
    assert (await his.admin("/his/clock"))["now"] == "2026-11-20 10:01:00"
