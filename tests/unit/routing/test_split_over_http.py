"""A whole bus over HTTP: one notice, many bookings, each done once, and the last step after all of them."""

import asyncio
import sys
import textwrap
from collections import Counter

import aiohttp
import pytest
from split_desk import ROUTES, SPLIT_TEXTS
from test_bus_over_http import CONFIG, Office, office, running

from engine.journal.interface import Act
from engine.journal.invariants import INVARIANTS
from engine.routing import split as splitting
from engine.settings.layers import load_config
from engine.settings.problems import Problems

__all__ = ["office"]


def booking(number, **more):
    return {"no": f"B{number:05d}", "who": f"P{number}", "paid": "no", **more}


@pytest.fixture
def folder(tmp_path, office):
    for name, text in {**SPLIT_TEXTS, "routes.yaml": ROUTES, "config/desk.yaml": CONFIG % office.url}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "journal_key").write_text("k" * 64)
    return tmp_path


class Finding(Office):
    """An office that also knows the bookings of a schedule."""


async def post(address, **notice):
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, json={"type": "stopped", "begin": "0800", **notice}) as answer,
    ):
        return answer.status


async def finished(bus, *, left=0):
    """Waits until only `left` messages have something to do."""
    for _ in range(1500):
        rows = await bus.journal.store.fetch(
            "select count(*) from messages m where open > 0 and not exists "
            "(select 1 from deliveries d where d.message = m.seq and d.state = 'parked')"
        )
        if rows[0][0] == left:
            break
        await asyncio.sleep(0.02)
    for words, statement in INVARIANTS.items():
        assert not await bus.journal.store.fetch(statement), words


def calls(office, name):
    return [body for called, body in office.ledger if called == name]


@pytest.fixture
def found(office, monkeypatch):
    """What the office finds; it answers everything else with yes."""
    bookings = []
    whole = office.serve

    async def serve(request):
        if request.path == "/find":
            from aiohttp import web

            office.ledger.append(("find", {}))
            return web.json_response({"bookings": bookings})
        return await whole(request)

    office.found = serve
    return bookings
