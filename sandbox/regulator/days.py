"""The daily sign-in: a day is green once the disputes came in (`[]` counts), red from 03:00 without them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox import times

if TYPE_CHECKING:
    from sandbox.store import Row, Store

DAYS = "create table if not exists regulator_days (day text primary key, signed_at integer, colour text);"
COLOURS = ("green", "red")
_DUE = 3
_SHOWN = 14


def sign_in(store: Store, at: int) -> None:
    """The hospital has signed in on the day of this instant; the first time of a day counts."""
    store.run(
        """insert into regulator_days values (?, ?, null)
           on conflict (day) do update set signed_at = coalesce(signed_at, excluded.signed_at)""",
        times.local(at).date().isoformat(),
        at,
    )


def paint(store: Store, day: date, colour: str) -> None:
    """Gives a day a colour of somebody's choice."""
    if colour not in COLOURS:
        raise ValueError(f"a day is {' or '.join(COLOURS)}")
    store.run(
        """insert into regulator_days values (?, null, ?) on conflict (day) do update set colour = excluded.colour""",
        day.isoformat(),
        colour,
    )


def shown(store: Store, now: int) -> list[Row]:
    """Today and the days before it, from the first that is known, at most 14: `open` until 03:00 of its own day."""
    kept = {row["day"]: row for row in store.all("select * from regulator_days")}
    today = times.local(now)
    first = max(min([*kept, today.date().isoformat()]), (today.date() - timedelta(days=_SHOWN - 1)).isoformat())
    days = [today.date() - timedelta(days=back) for back in range((today.date() - date.fromisoformat(first)).days + 1)]
    return [_day(one, kept.get(one.isoformat()), today) for one in days]


def _day(day: date, kept: Row | None, now: datetime) -> Row:
    signed = kept["signed_at"] if kept else None
    colour = (kept["colour"] if kept else None) or ("green" if signed else "red")
    if kept is None and day == now.date() and now.hour < _DUE:
        colour = "open"
    return {"day": day.isoformat(), "colour": colour, "signed_at": times.shown(signed)}
