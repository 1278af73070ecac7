"""What came in: every opened call, every record of it with the verdict, and what became of each number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.regulator.days import DAYS
from sandbox.regulator.spec import CATALOGUE, DATASETS

if TYPE_CHECKING:
    from sandbox.store import Row, Store

SCHEMA = f"""
create table if not exists regulator_calls (
  call integer primary key, app_key text not null, method text not null, at integer not null, plain text not null,
  code integer not null, msg text not null);
create table if not exists regulator_records (
  id integer primary key autoincrement, call integer not null, app_key text not null, method text not null,
  number integer not null, name text not null, at integer not null, code integer not null, msg text not null,
  record text not null);
create index if not exists regulator_records_of on regulator_records (name, method);
create table if not exists regulator_nonces (nonce text primary key, until integer not null);
{DAYS}
"""
_BUSINESS = tuple(name for name, dataset in DATASETS.items() if dataset.business)


class Ledger:
    """Reads and writes the tables above. `name` is the record's own number: bussID, recipeID, hospDrcode, …"""

    def __init__(self, store: Store) -> None:
        self._store = store

    def call(self, call: int, key: str, method: str, at: int, plain: str, code: int, msg: str) -> None:
        self._store.insert(
            "regulator_calls", call=call, app_key=key, method=method, at=at, plain=plain, code=code, msg=msg
        )

    def record(
        self, call: int, key: str, method: str, number: int, name: str, at: int, code: int, msg: str, record: Any
    ) -> None:
        """Keeps the `number`-th record of a call, taken (code 200) or not."""
        self._store.insert(
            "regulator_records",
            call=call,
            app_key=key,
            method=method,
            number=number,
            name=name,
            at=at,
            code=code,
            msg=msg,
            record=json.dumps(record, ensure_ascii=False),
        )

    def new_nonce(self, nonce: str, until: int, now: int) -> bool:
        """False for one that is known; it is known from here on, until then."""
        self._store.run("delete from regulator_nonces where until < ?", now)
        return bool(self._store.run("insert or ignore into regulator_nonces values (?, ?)", nonce, until))

    def has_drug(self, key: str, code: str) -> bool:
        """True where the newest row of the catalogue says that the drug is in use (useFlag 1)."""
        flag = self._store.value(
            """select record ->> 'useFlag' from regulator_records where name = ? and method = ? and app_key = ?
               and code = 200 order by id desc""",
            code,
            CATALOGUE,
            key,
        )
        return bool(flag == "1")

    def has_business(self, key: str, code: str) -> bool:
        """True where a business record under this bussID was taken."""
        marks = ", ".join("?" * len(_BUSINESS))
        found = self._store.value(
            f"""select 1 from regulator_records where code = 200 and app_key = ? and method in ({marks})
                and (name = ? or record ->> 'bussID' = ?) limit 1""",
            key,
            *_BUSINESS,
            code,
            code,
        )
        return found is not None

    def records(self, method: str | None, name: str | None, limit: int) -> list[Row]:
        """What came in, newest first, whole."""
        rows = self._store.named(
            """select * from regulator_records where (:method is null or method = :method)
               and (:name is null or name = :name or record ->> 'bussID' = :name) order by id desc limit :limit""",
            {"method": method, "name": name, "limit": limit},
        )
        return [
            {**row, "at": times.shown(row["at"]), "title": DATASETS[row["method"]].title,
             "record": json.loads(row["record"])}
            for row in rows
        ]  # fmt: skip

    def calls(self, method: str | None, limit: int) -> list[Row]:
        """Calls that could be opened, newest first, with their plain text."""
        rows = self._store.named(
            "select * from regulator_calls where (:method is null or method = :method) order by call desc limit :limit",
            {"method": method, "limit": limit},
        )
        return [{**row, "at": times.shown(row["at"])} for row in rows]

    def compare(self, private: Container[str] = ()) -> dict[str, Any]:
        """`{summary: {verdict: count}, rows: [...]}`, one row a record's number; verdicts:

        `ok`: taken once; `corrected`: refused, then taken once; `refused`: never taken; `duplicate`: taken more than
        once; `unexpected`: taken, and one of the numbers that nobody outside may see. A row of a catalogue is a
        duplicate only where it says the same twice, its upload time aside.
        """
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self._store.all("select method, name, code, msg, record from regulator_records order by id"):
            found.setdefault((row["method"], row["name"]), []).append(row)
        rows = [_compared(method, name, came, private=name in private) for (method, name), came in found.items()]
        return {"summary": dict(Counter(row["verdict"] for row in rows)), "rows": rows}


def _compared(method: str, name: str, came: list[Row], *, private: bool) -> dict[str, Any]:
    taken = [row for row in came if row["code"] == 200]
    refused = [row for row in came if row["code"] != 200]
    if not taken:
        verdict = "refused"
    elif private:
        verdict = "unexpected"
    elif len(taken) > _different(method, taken):
        verdict = "duplicate"
    else:
        verdict = "corrected" if refused else "ok"
    return {
        "method": method,
        "name": name,
        "taken": len(taken),
        "refused": len(refused),
        "verdict": verdict,
        "last_refusal": f"{refused[-1]['code']} {refused[-1]['msg']}" if refused else "",
    }


def _different(method: str, taken: list[Row]) -> int:
    """How many times a number may have been taken: once, or once for each state of a catalogue's row."""
    if method != CATALOGUE:
        return 1
    return len({json.dumps(json.loads(row["record"]) | {"updateTime": ""}, sort_keys=True) for row in taken})
