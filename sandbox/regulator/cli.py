"""The words of `python -m sandbox.cli regulator …`, and what they ask of port 9000."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sandbox.regulator.admin import FILTERS

_READING = {
    "records": "what came in, record by record, newest first",
    "calls": "the plain text of each call that could be opened",
    "days": "the daily sign-in",
    "compare": "each record's number with a verdict: ok, corrected, refused, duplicate, unexpected",
}


def add(acts: Any) -> None:
    """Adds the command `regulator` with all its own."""
    regulator = acts.add_parser("regulator", help="the regulator's platform: what came in, sign-in days")
    choose = regulator.add_subparsers(dest="regulator", required=True, metavar="|".join([*FILTERS, "paint"]))
    for name, filters in FILTERS.items():
        reading = choose.add_parser(name, help=_READING[name])
        for one in sorted(filters):
            reading.add_argument(f"--{one}")
        reading.add_argument("--limit", type=int, default=20)
    paint = choose.add_parser("paint", help="make a day green or red")
    paint.add_argument("day", metavar="YYYY-MM-DD")
    paint.add_argument("colour", choices=("green", "red"))


def request(act: str, given: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body of one command."""
    if act in FILTERS:
        return "GET", f"/regulator/{act}?{urlencode(given)}", None
    return "POST", "/regulator/days", given
