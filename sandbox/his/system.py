"""The HIS put together: its tables, its clock, its port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.his import faults, soap
from sandbox.his.asmx.facade import Asmx
from sandbox.his.clinic import Clinic
from sandbox.his.clock import Clock
from sandbox.his.facade import Facade
from sandbox.his.push import Push
from sandbox.his.schema import SCHEMA
from sandbox.his.trades import TRADES
from sandbox.port import Port

if TYPE_CHECKING:
    from sandbox.faults import FaultBoard
    from sandbox.outbox import Pace
    from sandbox.store import Store

SYSTEMS = faults.systems(list(TRADES))
"""What the fault board must know."""


class His:
    """Built, then started; what it was told is on disk."""

    def __init__(
        self, store: Store, board: FaultBoard, host: str, port: int, seed: int, pace: Pace, platform: str
    ) -> None:
        """`platform`: where it pushes 停诊; empty: nowhere, they wait."""
        store.define(SCHEMA)
        self.store = store
        self.clock = Clock(store)
        self.clinic = Clinic.of(store, self.clock, seed)
        self.facade = Facade(self.clinic)
        self.asmx = Asmx(self.facade, self.clinic)
        self.push = Push(store, board, pace, platform)
        self._host = host
        self.port = Port("his", host, port, store, board, Asmx.subject, self.clock.now)

    async def start(self) -> None:
        self.clinic.rota.ensure(self.clock.today())
        await self.port.start(self.asmx.serve, self.asmx.busy)
        self.push.start()

    async def stop(self) -> None:
        await self.push.stop()
        await self.port.stop()
        await self.facade.stop()

    def change_site(self, wish: dict[str, Any]) -> None:
        """Moves switches; calls that wait for a place inside look again."""
        self.clinic.site = self.clinic.site.changed(wish)
        self.facade.room.look_again()

    @property
    def address(self) -> str:
        return f"http://{self._host}:{self.port.port}{soap.PATH}"
