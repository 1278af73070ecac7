"""Everything at once: a laboratory, applications and an internet hospital on one bus, with three systems behind it
that misbehave, and the report store.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tests.crash import compare, compare_calls, compare_rows
from tests.crash.callers import Callers
from tests.crash.clerk import ROUTE, Clerk
from tests.crash.destination import Platform
from tests.crash.flows import CALLS, RESULTS, Flow
from tests.crash.ledger import Call, Watch
from tests.crash.registrar import Registrar
from tests.crash.sender import Laboratory
from tests.crash.witness import Witness
from tests.flow.programs import Bus

_LINES, _PAUSE = 3, 0.1


class Behind:
    """The message platform, the HIS and the supervision platform."""

    def __init__(self, site: Path) -> None:
        self.platform = Platform(site, app="hisbus")
        self.his = Witness(site)
        self.registrar = Registrar(site, self.his.hospital)
        self.watch: Watch = lambda _moment: False

    async def start(self) -> None:
        await self.platform.start()
        await self.his.start()
        await self.registrar.start()
        self.around = replace(
            self.his.around,
            gateway=self.platform.around.gateway,
            regulator=self.registrar.url,
            warehouse=self.his.hospital.warehouse,
        )

    async def stop(self) -> None:
        await self.registrar.stop()
        await self.platform.stop()
        await self.his.stop()

    @property
    def ledger(self) -> Sequence[Call]:
        return [*self.platform.ledger, *self.his.ledger, *self.registrar.ledger]

    @property
    def wrong(self) -> list[str]:
        return [*self.platform.wrong, *self.his.wrong]

    @property
    def questions(self) -> int:
        return self.platform.questions + self.his.questions


class Before:
    """The laboratory, the applications and the internet hospital."""

    def __init__(self, bus: Bus, behind: Behind) -> None:
        self.laboratory = Laboratory(bus.mllp, lines=_LINES, pause=_PAUSE, large=True)
        self.callers = Callers(bus, behind.his, lines=_LINES, pause=_PAUSE)
        self.clerk = Clerk(bus, behind.his.hospital, behind.registrar)
        self._all = (self.laboratory, self.callers, self.clerk)

    @property
    def wrong(self) -> list[str]:
        return [finding for one in self._all for finding in one.wrong]

    @property
    def ledger(self) -> Sequence[Any]:
        return [row for one in self._all for row in one.ledger]

    @property
    def sent(self) -> int:
        return sum(one.sent for one in self._all)

    @property
    def acked(self) -> int:
        return sum(one.acked for one in self._all)

    @property
    def sendings(self) -> int:
        return sum(one.sendings for one in self._all)

    async def heard(self) -> None:
        for one in self._all:
            await one.heard()

    async def finish(self) -> None:
        for one in self._all:
            one.more = False
        for one in self._all:
            await one.finish()

    async def abandon(self) -> None:
        for one in self._all:
            await one.abandon()


def _settle(site: Path) -> None:
    """The reports' routes as in RESULTS; of what is reported at night only the consultations, which are asked for each
    second."""
    RESULTS.settle(site)
    file = site / "routes.yaml"
    routes = yaml.safe_load(file.read_text(encoding="utf-8"))["routes"]
    kept_routes = {name: route for name, route in routes.items() if name == ROUTE or not name.startswith("regulator_")}
    kept_routes[ROUTE]["schedule"] = {"every": "1s", "batch": 20}
    file.write_text(yaml.safe_dump({"routes": kept_routes}, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _findings(site: Path, before: Before, behind: Behind) -> list[str]:
    return [
        *compare.findings(site, before.laboratory.ledger, behind.platform.ledger),
        *compare_calls.findings(site, before.callers, behind.his),
        *compare_rows.findings(site, before.clerk, behind.registrar, behind.his.hospital),
    ]


MIXED = Flow(
    Behind,
    Before,
    _findings,
    settle=_settle,
    settings={
        **CALLS.settings,
        "systems.regulator.limits.total": "1s",
        "systems.regulator.breaker.pause": "300ms",
    },
    rest=300.0,  # a correction behind a doubt looks again after as long as it has waited
)
"""Results over MLLP, callers with keys, and a feed of a database, all at once."""
