"""The life of a report: made, preliminary, final, corrected, withdrawn.

A report has a number (the filler order number, OBR-3) that never changes, and versions; a version has a status
(OBR-25), a result time (OBR-22, different for every version) and its content. Every run-time report is drawn from
its own generator, so the n-th report of a seed is the same in every run, times aside.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox import imaging, laboratory, times
from sandbox.imaging import EXAMS
from sandbox.laboratory import PANELS
from sandbox.oru import Facts
from sandbox.store import Row, Store
from sandbox.styles import SENDERS, Identity

_SERVICES = {"lab": ("lab",), "exam": ("imaging", "ultrasound")}


class Mistake(Exception):
    """A person asked for what cannot be: the text says what and why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to make a report of; an empty field leaves the choice to the generator."""

    kind: str = "lab"
    patient: str = ""
    item: str = ""
    sender: str = ""
    status: str = "F"


class Reports:
    """Makes reports and their versions, and gathers what a message says about one."""

    def __init__(self, store: Store, seed: int, files: str) -> None:
        self._store = store
        self._seed = seed
        self._files = files  # where the PDF of a report is served
        self._people: dict[str, list[str]] = {}  # ids by campus of those who were ever seen
        seen = "select id, campus from patients where id in (select patient from visits) order by id"
        for row in store.all(seen):
            self._people.setdefault(row["campus"], []).append(row["id"])

    def publish(self, wish: Wish, at: int | None = None) -> str:
        """A new order, examined and reported at once (or at `at`); gives the report's number."""
        if wish.kind not in _SERVICES:
            raise Mistake(f"kind must be lab or exam, not {wish.kind!r}")
        if wish.status not in ("F", "P"):
            raise Mistake(f"a new report is final (F) or preliminary (P), not {wish.status!r}")
        done = at if at is not None else times.now()
        with self._store.together():
            number = self._store.count("report")
            rng = Random(f"{self._seed}/{number}")
            sender = self._sender(wish, rng)
            patient = self._patient(wish, sender, rng)
            return self._make(number, rng, wish, sender, patient, done)

    def publish_history(self, count: int) -> None:
        """Reports of the weeks before today, long since delivered: nothing of them is sent."""
        today = times.now()
        rng = Random(f"{self._seed}/history")
        for _ in range(count):
            ago = rng.randrange(24 * 60, 21 * 24 * 60) * 60 * times.SECOND
            self.publish(Wish(kind=rng.choice(("lab", "lab", "exam"))), today - ago)

    def change(self, report: str, status: str) -> int:
        """The next version: P (taken back for review), F, C (corrected) or X (withdrawn); gives its number."""
        last = self.version(report)
        if last["status"] == "X":
            raise Mistake(f"report {report} was withdrawn; nothing follows a withdrawal")
        if status == "C" and last["status"] == "P":
            raise Mistake(f"report {report} is preliminary; make it final before correcting it")
        content = json.loads(last["content"])
        number = last["n"] + 1
        if status == "C":
            rng = Random(f"{self._seed}/{report}/{number}")
            content = (
                laboratory.corrected(content, rng) if isinstance(content, list) else imaging.corrected(content, rng)
            )
        at = max(times.now(), last["at"] + times.SECOND)  # OBR-22 counts in seconds and tells versions apart
        self._store.insert("versions", report=report, n=number, status=status, at=at, content=content)
        return int(number)

    def version(self, report: str, n: int | None = None) -> Row:
        """One version, the newest by default."""
        row = self._store.one(
            "select * from versions where report = ? and (n = ? or ? is null) order by n desc limit 1", report, n, n
        )
        if row is None:
            raise Mistake(f"no report {report}" + (f" version {n}" if n else ""))
        return row

    def sender(self, report: str) -> Identity:
        name = self._store.value("select sender from reports where id = ?", report)
        if name is None:
            raise Mistake(f"no report {report}")
        return SENDERS[name]

    def facts(self, report: str, n: int) -> Facts:
        """What a message says about one version."""
        row = self._row("reports", "id", report)
        version = self.version(report, n)
        order = self._row("orders", "order_no", row["order_no"])
        visit = self._row("visits", "visit_no", order["visit_no"])
        ward = self._row("departments", "code", visit["department"])
        return Facts(
            report=row,
            version=version,
            content=json.loads(version["content"]),
            order=order,
            visit=visit,
            patient=self._row("patients", "id", row["patient"]),
            campus=self._row("campuses", "code", SENDERS[row["sender"]].campus),
            ward=ward,
            service=self._row("departments", "code", row["department"]),
            physician=self._row("doctors", "code", visit["doctor"]),
            examiner=self._row("doctors", "code", row["doctor"]),
            link=f"{self._files}/{report}.pdf",
        )

    def page(self, report: str) -> bytes:
        """The PDF that the message's RP link leads to: the newest version of an imaging report."""
        last = self.version(report)
        content = json.loads(last["content"])
        title = self._store.value("select title from reports where id = ?", report)
        if isinstance(content, list):
            return imaging.pdf([title, *(f"{i['name']}  {i['value']} {i['unit']}  {i['range']}" for i in content)])
        return imaging.pdf([title, *content["findings"].split("\n"), *content["impression"].split("\n")])

    def _row(self, table: str, key: str, value: str) -> Row:
        row = self._store.one(f"select * from {table} where {key} = ?", value)
        if row is None:
            raise Mistake(f"no {value!r} among {table}")
        return row

    def _sender(self, wish: Wish, rng: Random) -> Identity:
        group = "lis" if wish.kind == "lab" else "pacs"
        if wish.sender:
            chosen = SENDERS.get(wish.sender)
            if chosen is None or chosen.group != group:
                raise Mistake(f"{wish.sender!r} sends no {wish.kind} reports")
            return chosen
        if wish.item == "MICRO":
            return SENDERS["lis-micro"]
        campus = self._store.value("select campus from patients where id = ?", wish.patient) if wish.patient else None
        usual = [one for one in SENDERS.values() if one.group == group and one.name != "lis-micro"]
        return rng.choice([one for one in usual if campus in (None, one.campus)])

    def _patient(self, wish: Wish, sender: Identity, rng: Random) -> Row:
        if wish.patient:
            return self._row("patients", "id", wish.patient)
        return self._row("patients", "id", rng.choice(self._people[sender.campus]))

    def _make(self, number: int, rng: Random, wish: Wish, sender: Identity, patient: Row, done: int) -> str:
        item, title = self._item(wish, sender, rng)
        visit = self._row("visits", "patient", patient["id"])
        service = rng.choice(self._services(wish.kind, sender.campus))
        ordered = done - rng.randrange(90, 400) * 60 * times.SECOND
        order_no = self._store.insert(
            "orders",
            order_no=f"{'J' if wish.kind == 'lab' else 'C'}{times.local(done):%y%m%d}{number:06d}",
            visit_no=visit["visit_no"],
            patient=patient["id"],
            kind=wish.kind,
            item=item,
            ordered_at=ordered,
            urgent=int(rng.random() < 0.1),
        )
        report = f"{'L' if wish.kind == 'lab' else 'R'}{times.local(done):%y%m%d}{number:06d}"
        examiners = self._store.all("select code from doctors where department = ? order by code", service)
        self._store.insert(
            "reports",
            id=report,
            sender=sender.name,
            kind=wish.kind,
            item=item,
            title=title,
            order_no=self._store.value("select order_no from orders where rowid = ?", order_no),
            patient=patient["id"],
            department=service,
            doctor=rng.choice(examiners)["code"],
            collected_at=ordered + 20 * 60 * times.SECOND,
            received_at=ordered + 45 * 60 * times.SECOND,
        )
        content: Any = (
            laboratory.results(PANELS[item], rng) if wish.kind == "lab" else imaging.finding(EXAMS[item], rng)
        )
        self._store.insert("versions", report=report, n=1, status=wish.status, at=done, content=content)
        return report

    def _item(self, wish: Wish, sender: Identity, rng: Random) -> tuple[str, str]:
        offered = {**PANELS} if wish.kind == "lab" else {**EXAMS}
        usual = ["MICRO"] if sender.name == "lis-micro" else [code for code in offered if code != "MICRO"]
        item = wish.item or rng.choice(usual)
        if item not in offered:
            raise Mistake(f"no {wish.kind} item {item!r}; there are {', '.join(offered)}")
        return item, offered[item].name

    def _services(self, kind: str, campus: str) -> list[str]:
        rows = self._store.all("select code, kind from departments where campus = ? order by code", campus)
        return [row["code"] for row in rows if row["kind"] in _SERVICES[kind]]
