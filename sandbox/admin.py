"""The hospital's own HTTP port: acts, ledgers, ground truth and faults, as JSON; `pages` shows the same to people.

An act is a POST with a JSON object (or a form); a Mistake answers 400 with `{"error": …}`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox import pages, times
from sandbox.compare import compare
from sandbox.fhir import admin as fhir_admin
from sandbox.fhir.compare import compare as compare_at_fhir
from sandbox.gateway import state
from sandbox.his import admin as his_admin
from sandbox.regulator import admin as regulator_admin
from sandbox.reports import Mistake, Wish
from sandbox.warehouse import admin as warehouse_admin

if TYPE_CHECKING:
    from sandbox.hospital import Hospital
    from sandbox.store import Row

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Act = Callable[[dict[str, Any]], dict[str, Any]]
Look = Callable[[dict[str, str]], dict[str, Any]]
SlowAct = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
_MOST = 5000


def application(hospital: Hospital) -> web.Application:
    """All addresses of port 9000."""
    app = web.Application(middlewares=[_mistakes])
    views = _Views(hospital)
    for path, view in views.all().items():
        app.router.add_get(path, view)
    for path, act in _acts(hospital).items():
        app.router.add_post(path, _posted(_slowly(act)))
    app.router.add_post("/burst", _posted(lambda body: _burst(hospital, body)))
    app.router.add_delete("/faults", views.remove_fault)
    app.router.add_delete("/faults/{id:\\d+}", views.remove_fault)
    _desks(app, hospital)
    pages.add(app, hospital)
    return app


def _desks(app: web.Application, hospital: Hospital) -> None:
    """The addresses of the systems that have their own; what they do stands in `sandbox.<system>.admin`."""
    his = his_admin.Desk(hospital.his)
    looks: dict[str, Look] = {name: partial(his.view, name) for name in his_admin.FILTERS}
    acts: dict[str, Act] = {
        "compare": his.compare,
        "clock": his.clock,
        "site": his.site,
        "schedules": his.open,
        "stop": his.stop,
        "queue/next": lambda body: his.queue("next", body),
        "queue/miss": lambda body: his.queue("miss", body),
        "blacklist": his.blacklist,
    }
    _mount(app, "his", looks | {"clock": lambda _: his.clock({}), "site": lambda _: his.site({})}, acts)
    regulator = regulator_admin.Desk(hospital.regulator, hospital.store, hospital.warehouse.private)
    looks = {name: partial(regulator.view, name) for name in regulator_admin.FILTERS}
    _mount(app, "regulator", looks, {"days": regulator.paint, "seal": regulator.seal, "open": regulator.open})
    fhir = fhir_admin.Desk(hospital.fhir, hospital.store)
    _mount(app, "fhir", {"counts": fhir.counts, "compare": fhir.compare}, {})
    warehouse = warehouse_admin.Front(hospital.warehouse)
    looks = {"rows": warehouse.rows, "counts": warehouse.counts}
    _mount(app, "warehouse", looks, {"add": warehouse.add, "correct": warehouse.correct, "load": warehouse.load})


def _mount(app: web.Application, place: str, looks: dict[str, Look], acts: dict[str, Act]) -> None:
    """Each look by GET and each act by POST, under `/place`."""

    def looked(look: Look) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return _json(look(dict(request.query)))

        return handle

    for name, look in looks.items():
        app.router.add_get(f"/{place}/{name}", looked(look))
    for name, act in acts.items():
        app.router.add_post(f"/{place}/{name}", _posted(_slowly(act)))


@web.middleware
async def _mistakes(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (Mistake, ValueError, TypeError) as error:
        return web.json_response({"error": str(error)}, status=400, dumps=_dumps)


def _acts(hospital: Hospital) -> dict[str, Act]:
    """What can be asked for by POST; the fields of the body are the parameters."""

    def by_report(name: str) -> Act:
        return lambda body: getattr(hospital.desk, name)(_word(body, "report"))

    return {
        "/publish": lambda body: hospital.desk.publish(_wish(body)),
        "/preliminary": by_report("preliminary"),
        "/final": by_report("final"),
        "/correct": by_report("correct"),
        "/withdraw": by_report("withdraw"),
        "/late-old-version": by_report("late_old_version"),
        "/resend": lambda body: hospital.desk.resend(_word(body, "report"), new_id=body.get("new_id") in (True, "1")),
        "/restart-numbering": lambda body: hospital.desk.restart_numbering(str(body.get("sender", "lis-north"))),
        "/faults": lambda body: asdict(hospital.faults.add(body)),
        "/faults/clear": lambda body: {"removed": hospital.faults.remove(int(body["id"]) if body.get("id") else None)},
    }


def _slowly(act: Act) -> SlowAct:
    async def later(body: dict[str, Any]) -> dict[str, Any]:
        return act(body)

    return later


async def _burst(hospital: Hospital, body: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(body) - {"count", "connections", "sender", "batch"}:
        raise Mistake(f"unknown field {', '.join(sorted(unknown))}")
    return await hospital.desk.burst(
        int(body.get("count", 100)),
        int(body.get("connections", 1)),
        str(body.get("sender", "lis-main")),
        int(body.get("batch", 0)),
    )


def _posted(act: SlowAct) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        text = await request.text() or "{}"
        if not text.startswith("{"):  # a form of our pages; `curl -d` sends JSON under the type of a form, too
            form = dict(parse_qsl(text))
            back = form.pop("back", "/")
            await act(form)
            raise web.HTTPSeeOther(back if back.startswith("/") else "/")
        return web.json_response(await act(json.loads(text)), dumps=_dumps)

    return handle


def _wish(body: dict[str, Any]) -> Wish:
    if unknown := set(body) - {one.name for one in fields(Wish)}:
        raise Mistake(f"unknown field {', '.join(sorted(unknown))}")
    return Wish(**{name: str(value) for name, value in body.items()})


def _word(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Mistake(f"the body must name a {name}")
    return value


class _Views:
    """What can be read by GET."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital

    def all(self) -> dict[str, Handler]:
        return {
            "/health": self.health,
            "/patients": self.patients,
            "/reports": self.reports,
            "/reports/{id}": self.report,
            "/files/{id}.pdf": self.file,
            "/ledger/sent": self.sent,
            "/ledger/sent/{seq:\\d+}/message": self.message,
            "/ledger/gateway": self.gateway,
            "/ledger/calls": self.calls,
            "/repro": self.repro,
            "/faults": self.faults,
            "/compare": self.compare,
        }

    async def health(self, _request: web.Request) -> web.StreamResponse:
        senders = [sender.state() for sender in self._hospital.senders.values()]
        gateway = {"name": "gateway", "open": self._hospital.gateway_port.open}
        his = {"name": "his", "open": self._hospital.his.port.open, "push": self._hospital.his.push.state()}
        regulator = {"name": "regulator", "open": self._hospital.regulator_port.open}
        return _json({"status": "UP", "senders": senders, "gateway": gateway, "his": his, "regulator": regulator})

    async def patients(self, request: web.Request) -> web.StreamResponse:
        return self._rows(request, "select * from patients where (:id is null or id = :id) order by id limit :limit")

    async def reports(self, request: web.Request) -> web.StreamResponse:
        return self._rows(
            request,
            """select r.*, v.n as version, v.status, v.at, (select count(*) from outbox o where o.report = r.id) as sent
               from reports r join versions v on v.report = r.id
                and v.n = (select max(n) from versions w where w.report = r.id)
               where (:patient is null or r.patient = :patient) and (:sender is null or r.sender = :sender)
               order by r.rowid desc limit :limit""",
        )

    async def report(self, request: web.Request) -> web.StreamResponse:
        report = request.match_info["id"]
        self._hospital.reports.version(report)  # a Mistake when there is none
        versions = self._hospital.store.all("select * from versions where report = ? order by n", report)
        for version in versions:
            version["content"] = json.loads(version["content"])
        facts = self._hospital.reports.facts(report, 1)
        return _json({"report": facts.report, "order": facts.order, "patient": facts.patient, "versions": versions})

    async def file(self, request: web.Request) -> web.StreamResponse:
        page = self._hospital.reports.page(request.match_info["id"])
        return web.Response(body=page, content_type="application/pdf")

    async def sent(self, request: web.Request) -> web.StreamResponse:
        """Every sending, newest first, with the state of its message."""
        return self._rows(
            request,
            """select s.id, s.outbox as seq, s.sender, o.line, o.batch, s.control_id, o.report, o.version, o.status,
                      s.n, s.at, s.digest, s.size, s.faults, s.outcome, s.ack_at, s.ack_code, s.ack_text,
                      s.application_code, s.complaints, o.state
               from sendings s left join outbox o on o.seq = s.outbox
               where (:sender is null or s.sender = :sender) and (:report is null or o.report = :report)
                 and (:control_id is null or s.control_id = :control_id) order by s.id desc limit :limit""",
        )

    async def message(self, request: web.Request) -> web.StreamResponse:
        """The bytes of one message as they were first written."""
        raw = self._hospital.store.value("select message from outbox where seq = ?", int(request.match_info["seq"]))
        if raw is None:
            raise web.HTTPNotFound
        return web.Response(body=raw, content_type="application/octet-stream")

    async def gateway(self, request: web.Request) -> web.StreamResponse:
        """Every message the platform took, newest first."""
        rows = self._read(
            request,
            """select * from gateway_messages where (:msg_id is null or msg_id = :msg_id)
               and (:patient is null or patient_id = :patient) order by rowid desc limit :limit""",
        )
        now = times.now()
        for row in rows:
            row["params"] = json.loads(row["params"])
            row["state"] = state(row["at"], now)
        return _json({"count": len(rows), "rows": rows})

    async def calls(self, request: web.Request) -> web.StreamResponse:
        """Every HTTP call of a simulated system, also those refused or cut by a fault."""
        return self._rows(
            request,
            """select * from calls where (:system is null or system = :system or system like :system || '.%')
               order by id desc limit :limit""",
        )

    async def repro(self, request: web.Request) -> web.StreamResponse:
        """What the reproductive centre knows of each of its patients, or of one."""
        centre, wanted = self._hospital.repro, request.query.get("patient")
        patients = [one for one in centre.patients if wanted in (None, one)]
        return _json([{"patient": one, "reports": [report.shown() for report in centre.of(one)]} for one in patients])

    async def faults(self, _request: web.Request) -> web.StreamResponse:
        board = self._hospital.faults
        kinds = {name: board.kinds(name) for name in board.names}
        return _json({"active": [asdict(fault) for fault in board.active()], "kinds": kinds})

    async def remove_fault(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info.get("id")
        return _json({"removed": self._hospital.faults.remove(int(number) if number else None)})

    async def compare(self, request: web.Request) -> web.StreamResponse:
        found = compare(self._hospital.store)
        if wanted := request.query.get("verdict"):
            found["rows"] = [row for row in found["rows"] if row["verdict"] == wanted]
        beside = {
            "regulator": self._hospital.regulator.ledger.compare(self._hospital.warehouse.private())["summary"],
            "fhir": compare_at_fhir(self._hospital.store, self._hospital.fhir.shelf)["summary"],
        }
        return _json({**found, **beside})

    def _rows(self, request: web.Request, statement: str) -> web.StreamResponse:
        rows = self._read(request, statement)
        return _json({"count": len(rows), "rows": rows})

    def _read(self, request: web.Request, statement: str) -> list[Row]:
        """Named parameters come from the query string; one that is not given is NULL and chooses nothing away."""
        names = ("id", "patient", "sender", "report", "control_id", "msg_id", "system")
        if unknown := set(request.query) - {*names, "limit"}:
            raise Mistake(f"unknown parameter {', '.join(sorted(unknown))}")
        values = {name: request.query.get(name) for name in names}
        limit = min(int(request.query.get("limit", "100")), _MOST)
        return self._hospital.store.named(statement, {**values, "limit": limit})


def _json(body: Any) -> web.Response:
    return web.json_response(body, dumps=_dumps)


def _dumps(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, default=str)
