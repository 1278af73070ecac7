"""The words of `python -m sandbox.cli his …`, and what they ask of port 9000."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sandbox.his.admin import FILTERS

_POSTS = {"open": "schedules", "stop": "stop", "next": "queue/next", "miss": "queue/miss", "blacklist": "blacklist"}


def add(acts: Any) -> None:
    """Adds the command `his` with all its own."""
    his = acts.add_parser("his", help="the HIS: its ledger, clock, switches, 停诊, queues")
    choose = his.add_subparsers(dest="his", required=True, metavar="orders|acts|schedules|slots|stops|pushes|compare|…")
    for name, filters in FILTERS.items():
        reading = choose.add_parser(name, help=_READING[name])
        for one in sorted(filters):
            reading.add_argument(f"--{one}")
        if name != "compare":
            reading.add_argument("--limit", type=int, default=20)
    _acting(choose)


_READING = {
    "orders": "locks and bookings, newest first, with totals",
    "acts": "every step of every order",
    "schedules": "排班 with what is left",
    "slots": "the numbers of a schedule and who holds them",
    "stops": "停诊, and how many bookings each touches",
    "pushes": "停诊 pushed to the bus, and what came back",
    "compare": "every booking with a verdict",
}


def _acting(choose: Any) -> None:
    clock = choose.add_parser("clock", help="what time it is in the HIS; move it")
    clock.add_argument("--advance", type=float, metavar="SECONDS")
    clock.add_argument("--set", metavar="'YYYY-MM-DD HH:MM:SS'")
    clock.add_argument("--hold", action="store_const", const="true", help="stand still")
    clock.add_argument("--run", dest="hold", action="store_const", const="false", help="run on")
    choose.add_parser("site", help="the switches; move some").add_argument("switches", nargs="*", metavar="NAME=VALUE")
    opened = choose.add_parser("open", help="one more schedule")
    opened.add_argument("--department", required=True)
    opened.add_argument("--day", required=True, metavar="YYYY-MM-DD")
    opened.add_argument("--doctor")
    opened.add_argument("--session", choices=("S", "X", "Y"))
    opened.add_argument("--type", help="号别, 1 to 6")
    opened.add_argument("--total", type=int, metavar="NUMBERS")
    stop = choose.add_parser("stop", help="停诊, of all of a schedule or a part; or a substitute doctor")
    stop.add_argument("schedule", metavar="SCHEDULE")
    stop.add_argument("--from", metavar="HH:MM")
    stop.add_argument("--to", metavar="HH:MM")
    stop.add_argument("--reason")
    stop.add_argument("--replacement", metavar="DOCTOR")
    choose.add_parser("next", help="the doctor calls the next").add_argument("schedule", metavar="SCHEDULE")
    choose.add_parser("miss", help="who was called is not there").add_argument("schedule", metavar="SCHEDULE")
    black = choose.add_parser("blacklist", help="put a patient on it, or take one off")
    black.add_argument("patient", metavar="ID")
    black.add_argument("--reason")
    black.add_argument("--off", action="store_const", const="true")


def request(act: str, given: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body of one command; ValueError where a switch is not NAME=VALUE."""
    if act in FILTERS:
        return "GET", f"/his/{act}?{urlencode(given)}", None
    if act == "site":
        switches = dict(one.partition("=")[::2] for one in given["switches"])
        return ("POST", "/his/site", switches) if switches else ("GET", "/his/site", None)
    if act == "clock":
        return ("POST", "/his/clock", given) if given else ("GET", "/his/clock", None)
    return "POST", f"/his/{_POSTS[act]}", given
