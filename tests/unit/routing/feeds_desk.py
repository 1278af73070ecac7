"""A small site whose rows are read on from a real database: clinics that write them, and the office that gets them."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

VISIT = """
shape: visit
fields: {no: {required: true}, who: text, fee: money, day: date, nothing: boolean}
"""
CLINIC = """
profile: desk/clinic
adapter: sql
outgoing:
  visits_of:
    effect: none
    sql:
      kind: query
      statement: >
        select no, who, fee, changed_at from visits
        where (changed_at, no) > (:cursor_changed_at, :cursor_no) and changed_at < :until
        order by changed_at, no limit :limit
      cursor: [changed_at, no]
      start: ["", ""]
incoming:
  visits:
    gives: visit
    feed: visits_of
    read: {no: {from: no, required: true}, who: {from: who, required: true}, fee: fee}
    empty: {no: "'none of ' & $day", day: $day, nothing: true}
    examples:
      - {name: a row, message: {no: V1, who: P1, fee: 500}, gives: {no: V1, who: P1, fee: 500}}
      - {name: nobody's, message: {no: V1}, refused: who}
"""
OFFICE = """
profile: desk/office
adapter: http
format: json
outgoing:
  report:
    takes: visit
    effect: change
    http: {path: /report}
    request: {no: no, who: who, day: day, campus: $campus}
    meaning: {status: {"503": unavailable}, code: code, delivered: ["0"], refused: {"1": full}}
"""
ROUTES = """
routes:
  visits:
    from: clinic.visits
    key: no
    schedule: {cron: "30 1 * * *", batch: 3}
    steps: {report: {to: office.report, refused: park}}
"""
CONFIG = """
site: {campuses: [main, north]}
systems:
  clinic: {profile: desk/clinic, url: "sqlite:///clinic.db"}
  office: {profile: desk/office, url: "http://127.0.0.1:9"}
secrets: [{files: keys}]
journal: {reserve: 1MB}
log: {level: error}
"""


class Clinic:
    """A clinic's own database, which the bus may only read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.run("create table if not exists visits (no text primary key, who text, fee integer, changed_at text)")

    def run(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement, values)

    def visit(self, no: str, at: str = "2026-11-20T10:00:00", who: str | None = "P1") -> None:
        self.run("insert into visits values (?, ?, 500, ?)", no, who, at)

    def visits(self, count: int, at: str = "2026-11-20T10:00:00", prefix: str = "V") -> None:
        for number in range(1, count + 1):
            self.visit(f"{prefix}{number:03d}", at)


def write(folder: Path, *changes: tuple[str, str]) -> Clinic:
    """The site in a folder; `changes`: pieces of its texts, each with what stands there instead."""
    texts = {
        "mappings/shapes/visit.yaml": VISIT,
        "mappings/desk/clinic.yaml": CLINIC,
        "mappings/desk/office.yaml": OFFICE,
        "routes.yaml": ROUTES,
        "config/desk.yaml": CONFIG,
        "keys/journal_key": "k" * 64,
        "keys/bus": "trusted by its socket",
    }
    for old, new in changes:
        assert any(old in text for text in texts.values()), old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Clinic(folder / "clinic.db")


async def until(true) -> None:
    """Returns once something has come true."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is waited for is another task's doing
            await asyncio.sleep(0.01)
