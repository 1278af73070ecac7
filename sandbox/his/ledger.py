"""What the HIS did, for people and tests; and a comparison with what channels were told.

Verdicts on bookings, one row each:

- `ok`: one booking, and somebody was told so;
- `missing`: somebody was told "booked", and there is no booking;
- `untold`: a booking of a channel that nobody was told of, nor is it on a person's list;
- `listed`: a booking nobody was told of, but it is on a person's list;
- `double`: one patient holds two numbers of one schedule;
- `stopped`: booked where 停诊 was acknowledged by the platform, and not cancelled yet;
- `counter`: made at the counter, none of the channels' business.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.his.frame import OPERATORS
from sandbox.reports import Mistake

if TYPE_CHECKING:
    from sandbox.store import Row, Store

_TIMES = ("locked_at", "locked_until", "booked_at", "ended_at", "checked_in_at", "called_at", "visited_at")
_BOOKED = "('booked', 'arrived', 'called', 'visited', 'missed')"


def orders(store: Store, wanted: dict[str, str], limit: int) -> list[Row]:
    """Orders, newest first, by `state`, `patient`, `schedule`, `campus`, `channel`, `platform` or `order`."""
    values = {name: wanted.get(name) for name in ("state", "patient", "schedule", "campus", "channel")}
    found = store.named(
        """select o.*, s.day, s.department, s.doctor from his_orders o join his_schedules s on s.code = o.schedule
           where (:state is null or o.state = :state) and (:patient is null or o.patient = :patient)
             and (:schedule is null or o.schedule = :schedule) and (:campus is null or o.campus = :campus)
             and (:channel is null or o.channel = :channel) and (:order is null or o.code = :order)
             and (:platform is null
                  or :platform in (o.lock_platform, o.book_platform, o.cancel_platform, o.lock_serial))
           order by o.id desc limit :limit""",
        {**values, "order": wanted.get("order"), "platform": wanted.get("platform"), "limit": limit},
    )
    return [{**row, **{name: times.shown(row[name]) for name in _TIMES}} for row in found]


def totals(store: Store) -> dict[str, int]:
    """How many orders there are in each state."""
    rows = store.all("select state, count(*) as n from his_orders group by state order by state")
    return {row["state"]: row["n"] for row in rows}


def compare(store: Store, told: list[dict[str, str]] | None, people: list[str]) -> dict[str, Any]:
    """`{summary, rows}`. `told`: `{patient, schedule}` or `{order}`, one a caller who heard "booked"; None: the ledger
    alone, where every booking counts as told. `people`: orders that stand on a person's list, by code."""
    booked = store.all(f"select * from his_orders where state in {_BOOKED} order by id")
    heard = None if told is None else _heard(store, told)
    acked = {row["stop"] for row in store.all("select stop from his_pushes where state = 'acked'")}
    seen: set[tuple[str, str]] = set()
    rows = []
    for order in booked:
        key = (order["patient"], order["schedule"])
        rows.append(_row(order, _verdict(order, heard, people, acked, twice=key in seen)))
        seen.add(key)
    if heard is not None:
        rows += [_missing(key) for key, count in heard.items() for _ in range(count)]
    return {"summary": dict(Counter(row["verdict"] for row in rows)), "rows": rows}


def _heard(store: Store, told: list[dict[str, str]]) -> Counter[tuple[str, str]]:
    """What callers were told, as (patient, schedule)."""
    heard: Counter[tuple[str, str]] = Counter()
    for one in told:
        if set(one) == {"order"}:
            row = store.one("select patient, schedule from his_orders where code = ?", one["order"])
            heard[(row["patient"], row["schedule"]) if row else ("", one["order"])] += 1
        elif set(one) == {"patient", "schedule"}:
            heard[one["patient"], one["schedule"]] += 1
        else:
            raise Mistake("told holds {patient, schedule} or {order}")
    return heard


def _verdict(
    order: Row, heard: Counter[tuple[str, str]] | None, people: list[str], acked: set[int], *, twice: bool
) -> str:
    """Uses up what somebody was told about this booking."""
    key = (order["patient"], order["schedule"])
    told = heard is None or heard[key] > 0
    if heard is not None and told:
        heard[key] -= 1
    if order["channel"] not in OPERATORS.values():
        return "counter"
    if twice:
        return "double"
    if order["state"] == "booked" and order["stop"] in acked:
        return "stopped"
    if told:
        return "ok"
    return "listed" if order["code"] in people else "untold"


def _row(order: Row, verdict: str) -> dict[str, Any]:
    kept = {name: order[name] for name in ("patient", "schedule", "queue_no", "campus", "channel", "state")}
    return {"order": order["code"], **kept, "booked_at": times.shown(order["booked_at"]), "verdict": verdict}


def _missing(key: tuple[str, str]) -> dict[str, Any]:
    nothing = {"queue_no": 0, "campus": "", "channel": "", "state": "", "booked_at": ""}
    return {"order": "", "patient": key[0], "schedule": key[1], **nothing, "verdict": "missing"}
