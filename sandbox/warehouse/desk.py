"""What people do at the internet hospital: new business, business the regulator will refuse, corrections, a load."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.reports import Mistake
from sandbox.warehouse.database import Database, moment
from sandbox.warehouse.makers import Frame, Makers
from sandbox.warehouse.spoiling import UNKNOWN_DRUG, wrong_values
from sandbox.warehouse.stock import DRUGS

if TYPE_CHECKING:
    from sandbox.his.clock import Clock
    from sandbox.store import Store

Row = dict[str, Any]
SCHEMA = """
create table if not exists warehouse_spoilt (
  name text not null, part text not null, good text not null, primary key (name, part));
"""
TABLES = {
    "consultation": ("consultation_id", "ZX"),
    "revisit": ("revisit_id", "FC"),
    "prescription": ("prescription_id", "CF"),
    "verification": ("verification_id", "HX"),
    "drug": ("drug_code", "YP"),
    "evaluation": ("evaluation_id", "PJ"),
    "dispute": ("dispute_id", "ZY"),
}
"""By table: the column of its number, and how the number begins."""
_OPENS, _CLOSES = time(8, 0), time(23, 59, 59)
_SLOWLY, _FAST = 600, 10  # seconds between two rows of the seed; rows a second of a load
_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Wish:
    """One new row: on which day, of what kind; `wrong` as in `spoiling`; `of`: the business it belongs to."""

    day: date
    state: str = "DONE"
    test: bool = False
    wrong: str = ""
    of: str = ""
    kind: str = ""


class Desk:
    """Writes rows as the hospital's own programs would: numbers go up, and so does `changed_at` in each table."""

    def __init__(self, database: Database, store: Store, clock: Clock, seed: int) -> None:
        store.define(SCHEMA)
        self.database, self._store, self._clock = database, store, clock
        self._makers = Makers(store, seed)
        self._seed = seed

    def today(self) -> date:
        return self._clock.today()

    def seed(self) -> None:
        """Yesterday's business, and the catalogue; a database that has one is left as it is."""
        if self.database.value("select count(*) from drug"):
            return
        day = self.today() - timedelta(days=1)
        rng = Random(f"{self._seed}/yesterday")
        for number in range(len(DRUGS)):
            self.add("drug", Wish(day, kind=DRUGS[number].code))
        for state in ("DONE", "DONE", "REFUSED", "DONE", "OPEN", "DONE", "DONE", "DONE"):
            self.add("consultation", Wish(day, state), gap=rng.randrange(_SLOWLY, 3 * _SLOWLY))
        self.add("consultation", Wish(day, test=True))
        for state in ("DONE", "DONE", "DONE", "REFUSED", "DONE", "DONE"):
            self.add("revisit", Wish(day, state), gap=rng.randrange(_SLOWLY, 3 * _SLOWLY))
        self.add("revisit", Wish(day, kind="CHILD"), gap=_SLOWLY)
        self.add("revisit", Wish(day, test=True))
        self._follow(day)

    def _follow(self, day: date) -> None:
        """What came of yesterday's revisits."""
        seen = self.database.all("select revisit_id from revisit where state = 'DONE' and is_test = 0 order by 1")
        kinds = ("WESTERN", "WESTERN", "PATENT", "HERBAL")
        ways = ("PICKUP", "HOSPITAL", "PHARMACY")
        made = [
            self.add("prescription", Wish(day, kind=kind, of=revisit["revisit_id"]), gap=_SLOWLY)["id"]
            for kind, revisit in zip(kinds, seen, strict=False)
        ]
        for way, prescription in zip(ways, made, strict=False):
            self.add("verification", Wish(day, kind=way, of=prescription), gap=_SLOWLY)
        for revisit in seen[:3]:
            self.add("evaluation", Wish(day, of=revisit["revisit_id"]), gap=_SLOWLY)

    def add(self, table: str, wish: Wish, gap: int = 1) -> Row:
        """One more row, written `gap` seconds after the newest of its day."""
        column, _ = self._named(table)
        number = self._new_drug(wish.kind) if table == "drug" else self._numbers(table, wish.day, 1)[0]
        frame = Frame(number, self._when(table, wish.day, gap), wish.test)
        row, items = self._made(table, frame, wish)
        if wish.wrong:
            self._spoil(table, row, items, wish.wrong)
        with self.database.together() as connection:
            self.database.insert(connection, table, [row])
            if items:
                self.database.insert(connection, "prescription_item", items)
        return {"table": table, "id": row[column], "changed_at": frame.at.isoformat(" ")}

    def load(self, table: str, day: date, count: int) -> Row:
        """So many rows of consultations or revisits at once, ten a second of the hospital's day."""
        makers: dict[str, Callable[[Frame], Row]] = {
            "consultation": self._makers.consultation,
            "revisit": self._makers.revisit,
        }
        if table not in makers or not 0 < count <= _MOST:
            raise Mistake(f"a load is of {' or '.join(makers)}, 1 to {_MOST} rows")
        numbers, start = self._numbers(table, day, count), self._when(table, day, 1)
        last = datetime.combine(day, _CLOSES)
        frames = [Frame(one, min(start + timedelta(seconds=n // _FAST), last)) for n, one in enumerate(numbers)]
        with self.database.together() as connection:
            self.database.insert(connection, table, [makers[table](frame) for frame in frames])
        return {"table": table, "added": count, "first": numbers[0], "last": numbers[-1]}

    def correct(self, number: str, changes: Row, day: date) -> Row:
        """Puts right what was made wrong, or writes the changes: a new version with a new `changed_at`."""
        table, column = self._table_of(number)
        current = self.database.all(f"select * from {table} where {column} = :number", number=number)
        if not current:
            raise Mistake(f"there is no {number}")
        if unknown := set(changes) - (set(self.database.columns[table]) - {column}):
            raise Mistake(f"{table} has no column to change called {', '.join(sorted(unknown))}")
        values = changes or self._good(number, "")
        items = {} if changes else self._good(number, "item")
        if not values and not items:
            raise Mistake(f"nothing was made wrong with {number}; say what to change")
        fresh = {"version": current[0]["version"] + 1, "changed_at": self._when(table, day, 1)}
        with self.database.together() as connection:
            self.database.update(connection, table, {column: number}, values | fresh)
            if items:
                self.database.update(connection, "prescription_item", {column: number, "line_no": 1}, items)
        self._store.run("delete from warehouse_spoilt where name = ?", number)
        return {"table": table, "id": number, "version": fresh["version"], "changed": sorted(values or items)}

    def rows(self, table: str, day: str, limit: int) -> list[Row]:
        """Newest first."""
        self._named(table)
        where, values = "", {}
        if day:
            start = datetime.combine(date.fromisoformat(day), time())
            where = "where changed_at >= :start and changed_at < :stop"
            values = {"start": start, "stop": start + timedelta(days=1)}
        return self.database.all(
            f"select * from {table} {where} order by changed_at desc, {TABLES[table][0]} desc limit {int(limit)}",
            **values,
        )

    def private(self) -> set[str]:
        """The numbers that nobody outside may see: of test patients, and of what is still under way."""
        found: set[str] = set()
        for table, (column, _) in TABLES.items():
            under_way = " or state = 'OPEN'" if "state" in self.database.columns[table] else ""
            rows = self.database.all(f"select {column} as number from {table} where is_test = 1{under_way}")
            found.update(row["number"] for row in rows)
        return found

    def _made(self, table: str, frame: Frame, wish: Wish) -> tuple[Row, list[Row]]:
        makers, kind = self._makers, wish.kind
        if table == "prescription":
            return makers.prescription(frame, self._business("revisit", wish.of), kind or "WESTERN")
        new = DRUGS[0]._replace(name=f"示例新药{kind}")
        made: dict[str, Callable[[], Row]] = {
            "consultation": lambda: makers.consultation(frame, wish.state),
            "revisit": lambda: makers.revisit(frame, wish.state, child=kind == "CHILD" or wish.wrong == "guardian"),
            "verification": lambda: makers.verification(
                frame, self._business("prescription", wish.of), kind or "PICKUP"
            ),
            "drug": lambda: makers.drug(frame, next((one for one in DRUGS if one.code == kind), new)),
            "evaluation": lambda: makers.evaluation(frame, self._business("revisit", wish.of)),
            "dispute": lambda: makers.dispute(frame),
        }
        return made[table](), []

    def _business(self, table: str, number: str) -> Row:
        """The row of that number, or the newest that ended well."""
        column = TABLES[table][0]
        where = f"{column} = :number" if number else "state = 'DONE' and is_test = 0 and :number = ''"
        found = self.database.all(
            f"select * from {table} where {where} order by changed_at desc, {column} desc limit 1", number=number
        )
        if not found:
            raise Mistake(f"there is no {table} {number}".rstrip())
        return found[0]

    def _spoil(self, table: str, row: Row, items: list[Row], kind: str) -> None:
        """Makes a right row wrong before anybody sees it, and keeps in mind how it was."""
        number, values = row[TABLES[table][0]], wrong_values(table, kind, row)
        if values:
            self._remember(number, "", {name: row.get(name) for name in values})
            row |= values
        if kind == "unknown_drug":
            self._remember(number, "item", {"drug_code": items[0]["drug_code"]})
            items[0]["drug_code"] = UNKNOWN_DRUG

    def _remember(self, number: str, part: str, good: Row) -> None:
        self._store.insert("warehouse_spoilt", name=number, part=part, good=json.dumps(good, ensure_ascii=False))

    def _good(self, number: str, part: str) -> Row:
        kept = self._store.value("select good from warehouse_spoilt where name = ? and part = ?", number, part)
        good: Row = json.loads(kept or "{}")
        return good

    def _numbers(self, table: str, day: date, count: int) -> list[str]:
        """The next numbers of a day, `FC202611200001` on."""
        column, letters = TABLES[table]
        begins = f"{letters}{day:%Y%m%d}"
        last = self.database.value(
            f"select max({column}) from {table} where {column} like :begins", begins=f"{begins}%"
        )
        first = int(str(last).removeprefix(begins)) + 1 if last else 1
        return [f"{begins}{number:05d}" for number in range(first, first + count)]

    def _new_drug(self, code: str) -> str:
        """The code of a drug that the catalogue does not have."""
        if not code.startswith(TABLES["drug"][1]):
            raise Mistake("name the drug: kind is its code, YP and digits")
        if self.database.value("select 1 from drug where drug_code = :code", code=code):
            raise Mistake(f"there is a drug {code}; correct it")
        return code

    def _when(self, table: str, day: date, gap: int) -> datetime:
        """When the next row of a day is written: after its table's newest; today, not before now."""
        newest = moment(
            self.database.value(
                f"select max(changed_at) from {table} where changed_at <= :last", last=datetime.combine(day, _CLOSES)
            )
        )
        begins = datetime.combine(day, _OPENS)
        after = max(begins, newest + timedelta(seconds=gap)) if newest else begins
        if day == self.today():
            after = max(after, times.local(self._clock.now()).replace(tzinfo=None, microsecond=0))
        return min(after, datetime.combine(day, _CLOSES))

    def _named(self, table: str) -> tuple[str, str]:
        if table not in TABLES:
            raise Mistake(f"no table {table}; there are {', '.join(TABLES)}")
        return TABLES[table]

    def _table_of(self, number: str) -> tuple[str, str]:
        for table, (column, letters) in TABLES.items():
            if number.startswith(letters):
                return table, column
        raise Mistake(f"no table has a number like {number}")
