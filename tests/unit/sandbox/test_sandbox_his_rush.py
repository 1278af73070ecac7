"""放号: many callers, few numbers. Nothing is sold twice, and the ledger says who was told what."""

import asyncio
from collections import Counter

import aiohttp
from his_caller import HisCaller
from hospital_peer import until

PEOPLE = [f"{number:010d}" for number in range(1, 241)]


async def one(his: HisCaller, schedule: str, patient: str) -> str:
    """Locks and books; `booked`, `refused`, or `lost` where no answer came."""
    try:
        lock = await his.lock(schedule, patient, PayOrdId=f"L{patient}")
        if lock.code != "0":
            return "refused"
        booked = await his.call(
            "BookService", ScheduleItemCode=schedule, TransactionId=lock["TransactionId"], PayOrdId=f"B{patient}"
        )
    except aiohttp.ClientError:
        return "lost"
    return "booked" if booked.code == "0" else "refused"


async def test_many_callers_never_overbook(his: HisCaller) -> None:
    schedule = await his.schedule(total=60)
    heard = await asyncio.gather(*(one(his, schedule, patient) for patient in PEOPLE))
    assert Counter(heard) == {"booked": 60, "refused": 180}
    held = his.hospital.store.all("select queue_no from his_orders where holds = 1")
    assert sorted(row["queue_no"] for row in held) == list(range(1, 61))
    told = [{"patient": who, "schedule": schedule} for who, what in zip(PEOPLE, heard, strict=True) if what == "booked"]
    assert (await his.admin("/his/compare", {"told": told}))["summary"] == {"ok": 60}


async def test_lost_answers_show_in_the_comparison(his: HisCaller) -> None:
    schedule = await his.schedule(total=60)
    await his.admin("/faults", {"system": "his.BookService", "kind": "done_but_no_answer", "every": 10})
    heard = dict(zip(PEOPLE, await asyncio.gather(*(one(his, schedule, who) for who in PEOPLE)), strict=True))
    told = [{"patient": who, "schedule": schedule} for who, what in heard.items() if what == "booked"]
    lost = [who for who, what in heard.items() if what == "lost"]
    found = await his.admin("/his/compare", {"told": told})
    assert found["summary"] == {"ok": 54, "untold": 6}
    codes = [row["order"] for row in found["rows"] if row["verdict"] == "untold"]
    assert sorted(row["patient"] for row in found["rows"] if row["verdict"] == "untold") == sorted(lost)
    assert (await his.admin("/his/compare", {"told": told, "people": codes}))["summary"] == {"ok": 54, "listed": 6}
    too_many = [*told, {"patient": "0000000500", "schedule": schedule}, {"order": "0||0||0"}]
    assert (await his.admin("/his/compare", {"told": too_many}))["summary"]["missing"] == 2
    assert [await his.state(TransactionId=f"B{who}") for who in lost] == ["B"] * 6, "whoever asks is told the truth"


async def test_a_site_lets_in_as_many_as_it_can(his: HisCaller) -> None:
    await his.admin("/his/site", {"at_once": 2, "think_ms": 3_600_000})
    calls = [asyncio.create_task(his.call("QueryDepartmentGroup")) for _ in range(6)]
    begun = "select count(*) from calls where system = 'his.QueryDepartmentGroup' and digest <> ''"
    await until(lambda: his.hospital.store.value(begun) == 6, 60)
    room = his.hospital.his.facade.room
    await until(lambda: room.outside == 4, 60)
    assert room.inside == 2
    await his.admin("/his/site", {"at_once": 0, "think_ms": 0})
    await asyncio.wait(calls[2:], timeout=60)
    assert sum(call.done() for call in calls) == 4, "the two that think go on thinking"
    for call in calls:
        call.cancel()
