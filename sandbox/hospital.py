"""The whole simulated hospital: its memory, its senders, its gateway, its own pages, put together and taken apart."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox import admin, times, town
from sandbox.desk import Desk
from sandbox.faults import ANSWERING, SENDING, FaultBoard
from sandbox.fhir.server import BASE, Repository
from sandbox.gateway import Gateway
from sandbox.his.system import SYSTEMS, His
from sandbox.outbox import Pace
from sandbox.port import Port
from sandbox.regulator.faults import systems
from sandbox.regulator.platform import PATH, Platform
from sandbox.regulator.spec import DATASETS
from sandbox.reports import Reports, Wish
from sandbox.repro import REPORTS, Centre
from sandbox.sender import Sender
from sandbox.signature import Guard
from sandbox.store import Store
from sandbox.styles import SENDERS
from sandbox.warehouse.database import Database
from sandbox.warehouse.desk import Desk as WarehouseDesk

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the hospital lives and whom it talks to."""

    data: Path
    host: str = "127.0.0.1"
    base_port: int = 9000  # 0: free ports, as tests want them
    bus: tuple[str, int] = ("127.0.0.1", 2575)
    bus_his: str = ""  # where the HIS pushes 停诊; empty: nowhere
    seed: int = 1
    traffic: float = 0.0  # reports a minute
    history: int = 300  # reports of the weeks before, never sent
    gateway_app: str = "hisbus"
    gateway_secret_file: Path | None = None  # default: gateway.secret beside the data
    regulator_secret_file: Path | None = None  # default: regulator.secret beside the data
    warehouse: str = ""  # URL of the internet hospital's database; default: warehouse.db beside the data
    pace: Pace = field(default_factory=Pace)
    today: date | None = None

    def port(self, offset: int) -> int:
        return self.base_port + offset if self.base_port else 0


class Hospital:
    """Built, then started; `stop` leaves everything on disk, and a new start goes on from there."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.data.mkdir(parents=True, exist_ok=True)
        self.store = Store(settings.data / "hospital.db")
        self.seed = town.build(self.store, settings.seed, settings.today or datetime.now(times.ZONE).date())
        self.faults = FaultBoard(
            {name: (name, ANSWERING) for name in ("gateway", "repro", "fhir")}
            | {s.name: (s.group, SENDING) for s in SENDERS.values()}
            | SYSTEMS
            | systems(DATASETS),
            self.seed,
        )
        self.secret_file = settings.gateway_secret_file or settings.data / "gateway.secret"
        guard = Guard(self.store, {settings.gateway_app: _secret(self.secret_file).encode()})
        self.gateway = Gateway(self.store, guard)
        self.gateway_port = Port("gateway", settings.host, settings.port(1), self.store, self.faults)
        self.repro = Centre(self.store, guard, self.seed)
        self.repro_port = Port("repro", settings.host, settings.port(3), self.store, self.faults)
        self.fhir = Repository(self.store)
        self.fhir_port = Port("fhir", settings.host, settings.port(4), self.store, self.faults)
        self.regulator_secret_file = settings.regulator_secret_file or settings.data / "regulator.secret"
        self.regulator = Platform(
            self.store,
            bytes.fromhex(_secret(self.regulator_secret_file, 16)),
            bytes.fromhex(_secret(settings.data / "regulator-test.secret", 16)),
        )
        self.regulator_port = Port(
            "regulator", settings.host, settings.port(5), self.store, self.faults, Platform.subject
        )
        self.his = His(
            self.store, self.faults, settings.host, settings.port(2), self.seed, settings.pace, settings.bus_his
        )
        self.warehouse_url = settings.warehouse or f"sqlite:///{settings.data / 'warehouse.db'}"
        database = Database(self.warehouse_url)
        self.warehouse = WarehouseDesk(database, self.store, self.his.clock, self.seed)
        self.port = settings.port(0)
        self._runner: web.AppRunner | None = None
        self._rhythm: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the ports, then the senders: what waited before a restart goes out now."""
        self.warehouse.seed()
        await self._open_pages()
        url = f"http://{self.settings.host}:{self.port}"
        self.reports = Reports(self.store, self.seed, f"{url}/files")
        if self.store.value("select count(*) from reports") == 0:
            self._remember()
        self.senders = {
            one.name: Sender(one, self.store, self.reports, self.faults, self.settings.pace, self.settings.bus)
            for one in SENDERS.values()
        }
        self.desk = Desk(self.store, self.reports, self.senders)
        await self.gateway_port.start(self.gateway.serve, self.gateway.busy)
        await self.repro_port.start(self.repro.serve, self.repro.busy)
        await self.fhir_port.start(self.fhir.serve, self.fhir.busy)
        await self.regulator_port.start(self.regulator.serve, self.regulator.busy)
        await self.his.start()
        for sender in self.senders.values():
            sender.start()
        if self.settings.traffic > 0:
            self._rhythm = asyncio.create_task(self._live(), name="rhythm")

    async def stop(self) -> None:
        if self._rhythm is not None:
            self._rhythm.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._rhythm
        await asyncio.gather(*(sender.stop() for sender in self.senders.values()))
        await self.his.stop()
        await self.regulator_port.stop()
        await self.fhir_port.stop()
        await self.repro_port.stop()
        await self.gateway_port.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self.warehouse.database.close()
        self.store.close()

    def addresses(self) -> list[tuple[str, str]]:
        """Each address with one line on what to try there."""
        host = self.settings.host
        page, gateway = f"http://{host}:{self.port}", f"http://{host}:{self.gateway_port.port}"
        peer = f"{self.settings.bus[0]}:{self.settings.bus[1]}"
        return [
            (f"{page}/", "the hospital's own page: what was sent, what arrived, faults"),
            (f"{page}/publish", f'curl -d \'{{"kind": "lab"}}\' {page}/publish   (a new laboratory report)'),
            (f"{page}/compare", "what was acknowledged beside what reached the patients"),
            (
                f"{gateway}/api/message/send",
                f"the message gateway; secret of app {self.settings.gateway_app}: {self.secret_file}",
            ),
            (self.his.address, f"the HIS over SOAP; its WSDL: curl '{self.his.address}?WSDL=1'"),
            (
                f"http://{host}:{self.repro_port.port}{REPORTS}",
                "the reproductive centre's reports, signed like the gateway: ?patientId=…",
            ),
            (f"http://{host}:{self.fhir_port.port}{BASE}", "the clinical data repository: transactions of FHIR R4"),
            (
                f"http://{host}:{self.regulator_port.port}{PATH}",
                f"the regulator's platform; page: {page}/page/regulator; secret: {self.regulator_secret_file}",
            ),
            (f"mllp://{peer}", f"{len(SENDERS)} senders send here: {', '.join(SENDERS)}"),
        ]

    def _remember(self) -> None:
        with self.store.together():
            self.reports.publish_history(self.settings.history)

    async def _open_pages(self) -> None:
        self._runner = web.AppRunner(admin.application(self), access_log=None, handle_signals=False, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.settings.host, self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _live(self) -> None:
        """The rhythm of a day: new reports, now and then a correction, a withdrawal, a preliminary."""
        rng = Random(f"{self.seed}/rhythm")
        recent: list[str] = []
        while True:
            await asyncio.sleep(rng.expovariate(self.settings.traffic / 60))
            luck = rng.random()
            if recent and luck < 0.1:
                self.desk.correct(recent.pop(rng.randrange(len(recent))))
            elif recent and luck < 0.13:
                self.desk.withdraw(recent.pop(rng.randrange(len(recent))))
            else:
                made = self.desk.publish(Wish(kind=rng.choice(("lab", "lab", "lab", "exam"))))
                recent = [*recent[-50:], str(made["report"])]


def _secret(file: Path, size: int = 32) -> str:
    """A secret of so many bytes in hexadecimal; made at the first start when nobody made it before."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(size) + "\n")
    return file.read_text().strip()
