"""A hospital with its bus: what a test asks of both, and what it reads in their ledgers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

from tests.flow.programs import Around, Bus, Hospital, environment_of
from tests.flow.site import PATIENCE, ask_journal, copy_site, eventually, secret
from tests.flow.wire import App
from tests.peers.proxy import free_port

CAMPUSES = {"桃源院区": "main", "北院院区": "north", "星湖门诊": "lake"}


class House:
    """Started with `with`. Reports are the simulated hospital's own; what is shown is what the bus's API says."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None, his: str = "") -> None:
        """`settings`: what differs from those of the sandbox, by place (`rules.checkin.before`). `his`: the path at which
        its HIS is called, where it is not the usual one.
        """
        self.site = copy_site(folder / "site")
        self._settings, self._his = settings or {}, his
        self.folder = folder
        self._mllp, self._http, self._push = free_port(), free_port(), free_port()

    def __enter__(self) -> Self:
        self.hospital = Hospital(
            self.folder / "hospital", self._mllp, self.site / "var/secrets/gateway_secret", self._push
        )
        self.hospital.start()
        around = Around(
            self.hospital.gateway,
            self.hospital.repro,
            urljoin(self.hospital.his, self._his),
            self.hospital.fhir,
            self.hospital.regulator,
            self.hospital.warehouse,
            self._push,
        )
        self.bus = Bus(self.site, self._mllp, self._http, around)
        self.bus.environment |= environment_of(self._settings)
        try:
            self.bus.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.bus.close()
        self.hospital.close()

    # --- the hospital ---

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """An act of the hospital. Raises AssertionError with its words where it will not."""
        return self.hospital.post(path, **body)

    def look(self, path: str, **query: Any) -> Any:
        """What the hospital knows."""
        return self.hospital.look(path, **query)

    def publish(self, kind: str = "lab", **wish: str) -> str:
        """A new report; gives its number."""
        return str(self.post("/publish", kind=kind, **wish)["report"])

    def act(self, verb: str, report: str, **more: Any) -> dict[str, Any]:
        """correct, withdraw, preliminary, final, late-old-version, resend."""
        return self.post(f"/{verb}", report=report, **more)

    def fault(self, system: str, kind: str, **more: Any) -> None:
        self.post("/faults", system=system, kind=kind, **more)

    def heal(self) -> None:
        self.post("/faults/clear")

    def report(self, number: str) -> dict[str, Any]:
        """The truth about a report: `report`, `patient`, `versions` (newest last)."""
        found: dict[str, Any] = self.look(f"/reports/{number}")
        return found

    def sent(self, report: str) -> list[dict[str, Any]]:
        """Every time a message of a report went out, oldest first."""
        rows: list[dict[str, Any]] = self.look("/ledger/sent", report=report, limit=5000)["rows"]
        return rows[::-1]

    def told(self, report: str) -> list[dict[str, Any]]:
        """What the message platform took about a report, oldest first."""
        patient = self.report(report)["patient"]["id"]
        rows = self.look("/ledger/gateway", patient=patient, limit=5000)["rows"]
        return [row for row in rows[::-1] if row["params"]["reportNo"] == report]

    def codes(self, mobile: str) -> list[str]:
        """The codes that a phone was sent, newest first."""
        rows = self.look("/ledger/gateway", limit=5000)["rows"]
        return [row["params"]["code"] for row in rows if row["scene"] == "SMS_CODE" and row["mobile"] == mobile]

    def scenes(self, report: str) -> list[str]:
        return [row["scene"] for row in self.told(report)]

    def verdicts(self, *reports: str) -> dict[str, int]:
        """`/compare`, of these reports or of everything."""
        found: dict[str, int] = {}
        for row in self.look("/compare")["rows"]:
            if not reports or row["report"] in reports:
                found[row["verdict"]] = found.get(row["verdict"], 0) + 1
        return found

    def at_fhir(self, report: str) -> str:
        """What the hospital makes of a report at its clinical data repository."""
        return next(
            (row["verdict"] for row in self.look("/fhir/compare")["rows"] if row["report"] == report), "missing"
        )

    def complaints(self) -> set[str]:
        """What senders had to say about our acknowledgements."""
        return {row["complaints"] for row in self.look("/ledger/sent", limit=5000)["rows"]} - {""}

    def quiet(self, seconds: float = PATIENCE) -> None:
        """Waits until every message is acknowledged and everything is delivered."""
        eventually(self._all_acknowledged, seconds, "every message is acknowledged")
        eventually(lambda: self.bus.open() == 0, seconds, "every delivery has ended")

    def _all_acknowledged(self) -> bool:
        return all(sender["waiting"] == 0 for sender in self.look("/health")["senders"])

    # --- the bus ---

    def messages(self) -> int:
        """How many messages the journal took into routes."""
        count: int = ask_journal(self.site, "select count(*) from messages where route <> 'refused'")[0][0]
        return count

    def app(self, name: str = "demo-app") -> App:
        return App(self._http, name, secret(self.site, f"{name.replace('-', '_')}_secret"))

    def get(self, path: str, campus: str | None = "main", app: str = "demo-app") -> tuple[int, dict[str, Any]]:
        """The unified API, below /api/v1."""
        return self.app(app).get("/api/v1" + path, campus)

    def shown(self, report: str) -> dict[str, Any] | None:
        """The report's line in its patient's list, or None."""
        truth = self.report(report)
        status, said = self.get(f"/patients/{truth['patient']['id']}/reports", self.campus(report))
        assert status == 200, said
        return next((line for line in said["data"] if line["reportId"] == report), None)

    def detail(self, report: str) -> tuple[int, dict[str, Any]]:
        """The report itself, as an application gets it."""
        kind = self.report(report)["report"]["kind"]
        return self.get(f"/reports/{kind}/{report}", self.campus(report))

    def campus(self, report: str) -> str:
        sender = self.report(report)["report"]["sender"]
        return {"lis-micro": "main"}.get(sender, sender.partition("-")[2])
