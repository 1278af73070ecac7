"""The day of the visit: who has come, whose turn it is, who was seen, who was not there when called.

The queue of a session moves only when somebody says so (`next`), and runs by number; who missed the call and comes
again stands at its end. When the day is over, whoever was not seen has missed the visit (过号).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.his.frame import No, instant
from sandbox.his.orders import STOPPED, VISITED
from sandbox.his.rota import numbers
from sandbox.reports import Mistake

if TYPE_CHECKING:
    from sandbox.his.orders import Orders
    from sandbox.his.rota import Rota
    from sandbox.his.site import Site
    from sandbox.store import Row, Store

EARLY, LATE, ARRIVED, NOT_ARRIVED, MISSED, NOT_BOOKED = "-211", "-212", "-213", "-214", "-217", "-218"


class Visits:
    """Check-in and queues."""

    def __init__(self, store: Store, rota: Rota, orders: Orders) -> None:
        self._store, self._rota, self._orders = store, rota, orders

    def window(self, order: Row, site: Site) -> tuple[int, int]:
        """From when until when this booking may check in."""
        schedule = self._schedule(order["schedule"])
        slot = numbers(schedule)[order["queue_no"] - 1]
        opens = instant(schedule["day"], slot.begins if schedule["timed"] else schedule["begins"])
        return opens - site.checkin_minutes_before * 60 * times.SECOND, instant(schedule["day"], schedule["ends"])

    def check_in(self, order: Row, now: int, site: Site) -> Row:
        """Puts a booking in its queue; No says why it cannot be, with the time from when it can."""
        if order["state"] in ("arrived", "called"):
            raise No(ARRIVED, "您已报到,无需重复报到")
        if order["state"] == "visited":
            raise No(VISITED, "您已就诊,不能报到")
        if order["state"] == "missed":
            raise No(MISSED, "您已过号,请使用复诊报到")
        if order["state"] != "booked":
            raise No(NOT_BOOKED, "该预约已取消,不能报到")
        if order["stop"] is not None:
            raise No(STOPPED, "该医生已停诊,不能报到")
        opens, closes = self.window(order, site)
        if now < opens:
            raise No(EARLY, f"未到报到时间,请于{times.shown(opens)[:16]}后报到")
        if now >= closes:
            raise No(LATE, "已过报到时间,请到窗口处理")
        return self._arrive(order, now, turn=order["queue_no"])

    def again(self, order: Row, now: int) -> Row:
        """Somebody who was not there when called has come: to the end of the queue, while the session lasts."""
        if order["state"] != "missed":
            raise No(ARRIVED if order["state"] in ("arrived", "called") else NOT_BOOKED, "没有过号记录,不能复诊报到")
        if now >= instant(self._schedule(order["schedule"])["day"], self._schedule(order["schedule"])["ends"]):
            raise No(LATE, "已过报到时间,请到窗口处理")
        last = self._store.value("select max(turn) from his_orders where schedule = ?", order["schedule"]) or 0
        return self._arrive(order, now, turn=max(last, 1000) + 1)

    def ahead(self, order: Row) -> int:
        """How many stand before this one."""
        return int(
            self._store.value(
                "select count(*) from his_orders where schedule = ? and state = 'arrived' and turn < ?",
                order["schedule"],
                order["turn"],
            )
        )

    def current(self, schedule: str) -> Row | None:
        """Who is with the doctor."""
        return self._store.one("select * from his_orders where schedule = ? and state = 'called'", schedule)

    def next(self, schedule: str, now: int) -> dict[str, Any]:
        """The doctor is done with one and calls the next; gives who was seen and who is called."""
        self._must_be(schedule)
        seen = self.current(schedule)
        if seen is not None:
            self._seen(seen, now)
        called = self._store.one(
            "select * from his_orders where schedule = ? and state = 'arrived' order by turn limit 1", schedule
        )
        if called is not None:
            self._step(called, "called", "called_at", now)
        return {
            "seen": seen and seen["code"],
            "called": called and called["code"],
            "waiting": len(self._waiting(schedule)),
        }

    def miss(self, schedule: str, now: int) -> dict[str, Any]:
        """Who was called is not there."""
        self._must_be(schedule)
        gone = self.current(schedule)
        if gone is None:
            raise Mistake(f"nobody is called in {schedule}")
        self._step(gone, "missed", "called_at", now)
        return {"missed": gone["code"]}

    def close(self, today: str, now: int) -> None:
        """Whoever was booked before today and not seen has missed it."""
        for order in self._store.all(
            """select o.* from his_orders o join his_schedules s on s.code = o.schedule
               where s.day < ? and o.state in ('booked', 'arrived', 'called')""",
            today,
        ):
            self._step(order, "missed", "called_at", now)

    def _arrive(self, order: Row, now: int, turn: int) -> Row:
        self._store.run("update his_orders set turn = ? where id = ?", turn, order["id"])
        return self._step(order, "arrived", "checked_in_at", now)

    def _seen(self, order: Row, now: int) -> None:
        """A visit that took place is a visit of the hospital: reports may follow from it."""
        self._step(order, "visited", "visited_at", now)
        schedule = self._schedule(order["schedule"])
        self._store.insert(
            "visits",
            visit_no=f"MZ{order['adm_no']}",
            patient=order["patient"],
            kind="O",
            department=schedule["department"],
            doctor=schedule["doctor"] or self._anyone(schedule["department"]),
            bed="",
            started=now,
        )

    def _step(self, order: Row, state: str, column: str, now: int) -> Row:
        self._store.run(f"update his_orders set state = ?, {column} = ? where id = ?", state, now, order["id"])
        changed = self._orders.order(order["id"])
        self._orders.act(state, changed, now)
        return changed

    def _waiting(self, schedule: str) -> list[Row]:
        return self._store.all("select id from his_orders where schedule = ? and state = 'arrived'", schedule)

    def _anyone(self, department: str) -> str:
        return str(self._store.value("select min(code) from doctors where department = ?", department))

    def _must_be(self, code: str) -> None:
        if self._rota.schedule(code) is None:
            raise Mistake(f"no schedule {code}")

    def _schedule(self, code: str) -> Row:
        row = self._rota.schedule(code)
        assert row is not None
        return row
