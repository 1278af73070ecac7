"""What stands behind every trade: one hospital, its clock, its switches, and those who work in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.his.orders import Orders
from sandbox.his.register import Register
from sandbox.his.rota import Rota
from sandbox.his.site import Site
from sandbox.his.stops import Stops
from sandbox.his.visits import Visits

if TYPE_CHECKING:
    from sandbox.his.clock import Clock
    from sandbox.store import Store


@dataclass(slots=True)
class Clinic:
    """The parts of the HIS; `site` is replaced when a switch is moved."""

    store: Store
    clock: Clock
    site: Site
    rota: Rota
    register: Register
    orders: Orders
    visits: Visits
    stops: Stops
    departments: dict[str, str]  # name by code; who works where does not change
    doctors: dict[str, tuple[str, str]]  # name and title by code
    closed: str = ""  # the last day that whoever was not seen before it has missed

    @classmethod
    def of(cls, store: Store, clock: Clock, seed: int) -> Clinic:
        rota = Rota(store, seed)
        orders = Orders(store, rota)
        return cls(
            store,
            clock,
            Site(),
            rota,
            Register(store),
            orders,
            Visits(store, rota, orders),
            Stops(store, rota, clock),
            {row["code"]: row["name"] for row in store.all("select code, name from departments")},
            {row["code"]: (row["name"], row["title"]) for row in store.all("select code, name, title from doctors")},
        )

    def settle(self, now: int) -> None:
        """What the passing of time alone brings about: new schedules, locks that expire, visits that were missed."""
        with self.store.together():
            today = times.local(now).date()
            self.rota.ensure(today)
            self.orders.expire(now)
            if self.closed != today.isoformat():
                self.visits.close(today.isoformat(), now)
                self.closed = today.isoformat()

    def names(self) -> Names:
        return Names(self.departments, self.doctors, prefixed="department_prefix" in self.site.quirks)


@dataclass(frozen=True, slots=True)
class Names:
    """Names of departments and doctors by code, as the site writes them."""

    departments: dict[str, str]
    doctors: dict[str, tuple[str, str]]
    prefixed: bool

    def department(self, code: str) -> str:
        name = self.departments[code]
        return f"NK{code[-2:]}-{name}" if self.prefixed else name

    def doctor(self, code: str | None) -> tuple[str, str]:
        """Name and title; an ordinary clinic has no doctor, and says 普通号 where the title stands."""
        return self.doctors[code] if code else ("", "普通号")
