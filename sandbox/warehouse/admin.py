"""What port 9000 can do with the internet hospital's database, under `/warehouse`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.reports import Mistake
from sandbox.warehouse.desk import TABLES, Wish

if TYPE_CHECKING:
    from sandbox.warehouse.desk import Desk

_MOST = 5000


class Front:
    """Each takes an object and gives one, ready to be shown."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def rows(self, asked: dict[str, str]) -> dict[str, Any]:
        """The rows of a table, newest first, of one day or of all."""
        _only(asked, "table", "day", "limit")
        limit = min(int(asked.get("limit", "100")), _MOST)
        day = self._day(asked).isoformat() if asked.get("day") else ""
        rows = self._desk.rows(asked.get("table", "revisit"), day, limit)
        return {"count": len(rows), "rows": rows}

    def counts(self, asked: dict[str, str]) -> dict[str, Any]:
        """How many rows each table has."""
        _only(asked)
        count = self._desk.database.value
        return {"rows": [{"table": table, "rows": count(f"select count(*) from {table}")} for table in TABLES]}

    def add(self, body: dict[str, Any]) -> dict[str, Any]:
        _only(body, "table", "day", "state", "test", "wrong", "of", "kind")
        wish = Wish(
            day=self._day(body),
            state=str(body.get("state") or "DONE"),
            test=body.get("test") in (True, "true", "1"),
            wrong=str(body.get("wrong") or ""),
            of=str(body.get("of") or ""),
            kind=str(body.get("kind") or ""),
        )
        return self._desk.add(str(body.get("table", "")), wish)

    def correct(self, body: dict[str, Any]) -> dict[str, Any]:
        """`changes`: columns with their new values; without, what was made wrong is put right."""
        _only(body, "id", "changes", "day")
        changes = body.get("changes") or {}
        if not isinstance(changes, dict):
            raise Mistake("changes is an object")
        return self._desk.correct(str(body.get("id", "")), changes, self._day(body))

    def load(self, body: dict[str, Any]) -> dict[str, Any]:
        _only(body, "table", "day", "count")
        return self._desk.load(str(body.get("table") or "revisit"), self._day(body), int(body.get("count", 0)))

    def _day(self, body: dict[str, Any]) -> date:
        """`today`, `yesterday` (the usual) or a date, by the hospital's clock."""
        words = {"today": 0, "yesterday": 1, "": 1}
        wanted = str(body.get("day") or "")
        return self._desk.today() - timedelta(days=words[wanted]) if wanted in words else date.fromisoformat(wanted)


def _only(body: dict[str, Any], *names: str) -> None:
    if unknown := set(body) - set(names):
        raise Mistake(f"unknown field {', '.join(sorted(unknown))}")
