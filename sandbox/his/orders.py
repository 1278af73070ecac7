"""The life of a number: locked for a quarter of an hour, booked, cancelled; and who may have one.

States: `locked` → `unlocked`, `expired`, or `booked` → `cancelled`, or `arrived` → `called` → `visited` or `missed`.
All but the three that gave it back hold the number. Every step stands in `his_acts`, in the commit that makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.his.frame import FORMAT, NO_DATA, No
from sandbox.his.rota import Slot, numbers

if TYPE_CHECKING:
    from sandbox.his.rota import Rota
    from sandbox.his.site import Site
    from sandbox.store import Row, Store

FULL, LOCKED, LOCK_GONE, TWICE, STOPPED = "-201", "-202", "-203", "-204", "-205"
BLACKLISTED, LIMIT, VISITED, CANCELLED, TOO_LATE = "-206", "-207", "-208", "-209", "-210"
OVER, AMOUNT = "-215", "-216"
ELSEWHERE = "-103"
GONE = ("unlocked", "expired", "cancelled")
REAL = "('locked', 'booked', 'arrived', 'called', 'visited', 'missed')"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: campus, 预约机构, operator, the platform's serial, and when."""

    campus: str
    channel: str
    operator: str
    platform: str
    now: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which number: this one, or the first that is free in this half hour, or at all."""

    schedule: str
    queue_no: int = 0
    begins: str = ""
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """What the channel says it took, in fen; None: pay later."""

    fen: int | None = None


class Orders:
    """Everything that takes or gives back a number. `site` is asked anew each time: its switches may move."""

    def __init__(self, store: Store, rota: Rota) -> None:
        self._store, self._rota = store, rota

    def expire(self, now: int) -> int:
        """Gives back what was locked too long ago; whoever works with numbers calls this first."""
        late = self._store.all("select * from his_orders where state = 'locked' and locked_until <= ?", now)
        for order in late:
            self._end(order, "expired", order["locked_until"])
        return len(late)

    def lock(self, who: Caller, patient: Row, wanted: Wanted, site: Site, *, old: str = "", more: int = 0) -> Row:
        """Keeps a number for a patient; `more` is what the fee turns out higher by."""
        if site.repeated == "answer" and (known := self._by_platform("lock_platform", who)):
            return known
        schedule = self._schedule(who, wanted.schedule)
        if old:
            self.unlock(who, old)
        self._allowed(patient, schedule, site)
        slot = self._slot(schedule, wanted, who.now)
        order = self._store.insert(
            "his_orders",
            schedule=schedule["code"],
            queue_no=slot.no,
            patient=patient["id"],
            campus=who.campus,
            channel=who.channel,
            operator=who.operator,
            state="locked",
            holds=1,
            lock_serial=f"LK{times.local(who.now):%Y%m%d}{self._store.count('his_lock'):08d}",
            lock_platform=who.platform,
            reg_fee=0 if patient["fee_type"] == "公费医疗" else schedule["reg_fee"],
            fee=priced(schedule, patient["fee_type"]) + more,
            locked_at=who.now,
            locked_until=who.now + site.lock_minutes * 60 * times.SECOND,
        )
        return self._did("lock", order, who)

    def unlock(self, who: Caller, serial: str) -> Row:
        """Gives a locked number back."""
        order = self._store.one("select * from his_orders where lock_serial = ?", serial)
        if order is None or order["campus"] != who.campus:
            raise No(LOCK_GONE, "锁号记录不存在")
        if order["state"] != "locked":
            raise No(LOCK_GONE, "锁号已失效" if order["state"] in GONE else "该锁号已预约,不能取消锁号")
        self._end(order, "unlocked", who.now, who.platform)
        return self.order(order["id"])

    def book(self, who: Caller, patient: Row | None, wanted: Wanted, serial: str, paid: Payment, site: Site) -> Row:
        """Makes a lock a booking; without one, where the site allows it, takes a number at once."""
        order = self._store.one("select * from his_orders where lock_serial = ?", serial) if serial else None
        if order is None:
            if site.lock_first:
                raise No(LOCK_GONE, "锁号记录不存在,请先锁号")
            if patient is None:
                raise No(FORMAT, "PatientID不能为空")
            order = self.lock(who, patient, wanted, site)
        order = self._bookable(who, order, patient, wanted, site)
        if order["state"] != "locked":
            return order
        if paid.fen is not None and paid.fen != order["fee"]:
            raise No(AMOUNT, "支付金额与应收金额不符")
        schedule = order["schedule"]
        self._store.run("update his_schedules set orders = orders + 1 where code = ?", schedule)
        number = self._store.value("select orders from his_schedules where code = ?", schedule)
        self._store.run(
            """update his_orders set state = 'booked', code = ?, adm_no = ?, booked_at = ?, book_platform = ?, paid = ?
               where id = ?""",
            f"{schedule}||{number}",
            str(6_000_000 + self._store.count("his_adm")),
            who.now,
            who.platform,
            int(paid.fen is not None),
            order["id"],
        )
        return self._did("book", order["id"], who)

    def cancel(self, who: Caller, code: str, site: Site) -> Row:
        """Gives a booked number back, as long as the patient was not seen and it is not too late."""
        order = self._store.one("select * from his_orders where code = ?", code)
        if order is None or order["campus"] != who.campus:
            raise No(NO_DATA, "查询不到相关数据")
        if order["state"] == "cancelled":
            if site.repeated == "answer" and who.platform and order["cancel_platform"] == who.platform:
                return order
            raise No(CANCELLED, "该预约已取消,不能重复取消")
        if not self.cancellable(order, who.now, site):
            seen = order["state"] in ("arrived", "called", "visited")
            raise No(VISITED if seen else TOO_LATE, "已报到或已就诊,不能取消" if seen else "已超过允许取消的时间")
        self._end(order, "cancelled", who.now, who.platform)
        return self.order(order["id"])

    def cancellable(self, order: Row, now: int, site: Site) -> bool:
        """停诊 may always be cancelled, a visit that took place never, one that was missed for some days."""
        if order["state"] not in ("booked", "missed"):
            return False
        if order["stop"] is not None:
            return True
        day = date.fromisoformat(self._store.value("select day from his_schedules where code = ?", order["schedule"]))
        return times.local(now).date() <= day + timedelta(days=site.cancel_days_after)

    def order(self, number: int) -> Row:
        row = self._store.one("select * from his_orders where id = ?", number)
        assert row is not None
        return row

    def act(self, name: str, order: Row, at: int, platform: str = "") -> None:
        """Writes one step into the ledger."""
        self._store.insert(
            "his_acts",
            at=at,
            act=name,
            order_id=order["id"],
            campus=order["campus"],
            patient=order["patient"],
            schedule=order["schedule"],
            queue_no=order["queue_no"],
            serial=order["lock_serial"] or "",
            platform=platform,
            channel=order["channel"],
        )

    def _did(self, name: str, number: int, who: Caller) -> Row:
        order = self.order(number)
        self.act(name, order, who.now, who.platform)
        return order

    def _end(self, order: Row, state: str, at: int, platform: str = "") -> None:
        self._store.run(
            "update his_orders set state = ?, holds = 0, ended_at = ?, cancel_platform = ? where id = ?",
            state,
            at,
            platform if state == "cancelled" else "",
            order["id"],
        )
        self.act(state, order, at, platform)

    def _by_platform(self, column: str, who: Caller) -> Row | None:
        if not who.platform:
            return None
        return self._store.one(
            f"select * from his_orders where {column} = ? and channel = ? and campus = ? order by id limit 1",
            who.platform,
            who.channel,
            who.campus,
        )

    def _schedule(self, who: Caller, code: str) -> Row:
        schedule = self._rota.schedule(code)
        if schedule is None:
            raise No(NO_DATA, "排班不存在")
        if schedule["campus"] != who.campus:
            raise No(ELSEWHERE, "排班不属于该院区")
        return schedule

    def _allowed(self, patient: Row, schedule: Row, site: Site) -> None:
        """Blacklist, limits, second bookings."""
        reason = self._store.value("select reason from his_blacklist where patient = ?", patient["id"])
        if reason is not None:
            raise No(BLACKLISTED, f"该患者已被列入黑名单:{reason}")
        if schedule["stopped"]:
            raise No(STOPPED, "该医生已停诊")
        held = self._store.all(
            f"""select o.schedule, o.state from his_orders o join his_schedules s on s.code = o.schedule
                where o.patient = ? and s.day = ? and o.state in {REAL}""",
            patient["id"],
            schedule["day"],
        )
        if site.repeated != "again" and any(one["schedule"] == schedule["code"] for one in held):
            raise No(TWICE, "该患者已锁定或预约此时段,不能重复预约")
        if len(held) >= site.per_day:
            raise No(LIMIT, f"超过每日预约限制{site.per_day}次")

    def _slot(self, schedule: Row, wanted: Wanted, now: int) -> Slot:
        """The number that is meant, if it can be had."""
        meant = [slot for slot in numbers(schedule) if _meant(slot, wanted, schedule)]
        if not meant:
            raise No(OVER, "时段或序号不存在")
        stopped = self._rota.stopped(schedule["code"])
        sits = [slot for slot in meant if not any(one["begins"] <= slot.begins < one["ends"] for one in stopped)]
        if not sits:
            raise No(STOPPED, "该时段已停诊")
        wall = times.shown(now)
        ahead = [slot for slot in sits if f"{schedule['day']} {slot.ends}:00" > wall]
        if not ahead:
            raise No(OVER, "已过挂号时间")
        taken = self._rota.taken(schedule["code"])
        for slot in ahead:
            if slot.no not in taken:
                return slot
        if wanted.queue_no and taken[wanted.queue_no] == "locked":
            raise No(LOCKED, "该号已被他人锁定")
        raise No(FULL, "该号已被预约" if wanted.queue_no else "号源已约满")

    def _bookable(self, who: Caller, order: Row, patient: Row | None, wanted: Wanted, site: Site) -> Row:
        """The lock when it may become a booking; a booking where a second call is to be answered like the first."""
        if order["campus"] != who.campus:
            raise No(ELSEWHERE, "锁号不属于该院区")
        if order["schedule"] != wanted.schedule or wanted.queue_no not in (0, order["queue_no"]):
            raise No(FORMAT, "排班或序号与锁号记录不符")
        if patient is not None and patient["id"] != order["patient"]:
            raise No(FORMAT, "患者信息与锁号记录不符")
        if order["state"] in GONE:
            raise No(LOCK_GONE, "锁号已失效,请重新锁号")
        if order["state"] != "locked":
            if site.repeated == "answer":
                return order
            if site.repeated == "refuse":
                raise No(TWICE, "该锁号已预约,不能重复预约")
            again = self._store.one("select * from patients where id = ?", order["patient"])
            assert again is not None
            return self.lock(who, again, Wanted(order["schedule"]), site)
        schedule = self._schedule(who, order["schedule"])
        if schedule["stopped"] or order["stop"] is not None:
            raise No(STOPPED, "该医生已停诊")
        return order


def _meant(slot: Slot, wanted: Wanted, schedule: Row) -> bool:
    if wanted.queue_no:
        return slot.no == wanted.queue_no
    if not schedule["timed"]:
        return True
    return wanted.begins in ("", slot.begins) and wanted.ends in ("", slot.ends)


def priced(schedule: Row, fee_type: str) -> int:
    """What this patient pays: the schedule's fee, which 费别 may change (公费 pays no 挂号费)."""
    total = schedule["reg_fee"] + schedule["checkup_fee"] + schedule["service_fee"] + schedule["other_fee"]
    return int(total - (schedule["reg_fee"] if fee_type == "公费医疗" else 0))
