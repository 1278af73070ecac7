"""The words of `python -m sandbox.cli warehouse …`, and what they ask of port 9000."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sandbox.warehouse.desk import TABLES
from sandbox.warehouse.spoiling import SPOILS

_DAY = "today, yesterday (the usual) or YYYY-MM-DD: the day on which the row is written"


def add(acts: Any) -> None:
    """Adds the command `warehouse` with all its own."""
    warehouse = acts.add_parser("warehouse", help="the internet hospital's database: business, corrections, a load")
    choose = warehouse.add_subparsers(dest="warehouse", required=True, metavar="rows|counts|add|correct|load")
    rows = choose.add_parser("rows", help="a table, newest first")
    rows.add_argument("table", choices=list(TABLES))
    rows.add_argument("--day", help="only what was written on that day")
    rows.add_argument("--limit", type=int, default=20)
    choose.add_parser("counts", help="how many rows each table has")
    new = choose.add_parser("add", help="one more row")
    new.add_argument("table", choices=list(TABLES))
    new.add_argument("--day", help=_DAY)
    new.add_argument("--state", choices=("OPEN", "DONE", "REFUSED", "CANCELLED"))
    new.add_argument("--kind", help="CHILD; WESTERN PATENT HERBAL; PICKUP HOSPITAL PHARMACY; a drug's code")
    new.add_argument("--of", metavar="ID", help="the revisit or prescription it belongs to (default: the newest)")
    new.add_argument("--test", action="store_const", const="true", help="of a test patient")
    kinds = sorted({kind for kinds in SPOILS.values() for kind in kinds})
    new.add_argument("--wrong", choices=kinds, help="so that the regulator refuses it")
    correct = choose.add_parser("correct", help="put right what is wrong: a new version")
    correct.add_argument("id", metavar="ID")
    correct.add_argument("changes", nargs="*", metavar="COLUMN=VALUE", help="or write this")
    correct.add_argument("--day", help=_DAY)
    load = choose.add_parser("load", help="many rows at once")
    load.add_argument("count", type=int, metavar="N")
    load.add_argument("--table", choices=("revisit", "consultation"))
    load.add_argument("--day", help=_DAY)


def request(act: str, given: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body of one command."""
    if act in ("rows", "counts"):
        return "GET", f"/warehouse/{act}?{urlencode(given)}", None
    if act == "correct":
        given["changes"] = dict(one.partition("=")[::2] for one in given["changes"])
    return "POST", f"/warehouse/{act}", given
