"""What is true of every operation of the local systems."""

import asyncio

import pytest
from registry_desk import LIBRARY

from engine.base.errors import BusError, Code
from engine.journal import reads
from engine.journal.errors import DatabaseDown
from engine.model import Effect
from engine.registry.systems import PROFILES, operations
from engine.rules import checkin, returning

ALL = dict(operations())


@pytest.mark.parametrize("name", ALL)
def test_its_documents_are_shapes_of_ours(name):
    assert {ALL[name].takes, ALL[name].gives} <= LIBRARY.documents.keys()


@pytest.mark.parametrize("name", ALL)
def test_routes_see_it_as_it_is(name):
    system, _, called = name.partition(".")
    seen = PROFILES[system].outgoing[called]
    assert (seen.takes, seen.gives, seen.effect) == (ALL[name].takes, ALL[name].gives, ALL[name].effect)


@pytest.mark.parametrize("name", [name for name in ALL if ".require_" in name])
def test_what_only_requires_changes_nothing_and_says_no(name):
    assert ALL[name].effect is Effect.NONE
    assert ALL[name].refuses


@pytest.mark.parametrize(
    ("name", "table"), [("rules.require_refundable", returning._OVER), ("rules.checkin", checkin._REFUSED)]
)
def test_every_refusal_of_a_table_is_declared(name, table):
    assert set(table.values()) <= set(ALL[name].refuses)


async def test_while_the_journal_cannot_be_read_a_read_is_told_to_come_again(node, monkeypatch):
    async def down(*_values):
        raise DatabaseDown("gone")

    with monkeypatch.context() as broken:
        broken.setattr(node.opened.journal.store, "fetch", down)
        with pytest.raises(BusError) as raised:
            await node.ask("registry.bindings", user_id="u1")
    assert raised.value.code is Code.BUSY
    assert (await node.ask("registry.bindings", user_id="u1")).value["items"] == []


async def test_a_change_waits_for_a_journal_that_cannot_be_read(node, monkeypatch):
    fetch, failed = node.opened.journal.store.fetch, []

    async def down_once(statement, *values):
        if statement == reads.RECORD and not failed:
            failed.append(statement)
            raise DatabaseDown("gone")
        return await fetch(statement, *values)

    monkeypatch.setattr(node.opened.journal.store, "fetch", down_once)
    done = await node.begin("registry.grant", patient_id="P1", scope="ems")
    assert await done is not None, "put off, and said so"
    node.later(minutes=10)
    node.delivery.wake(["registry"])
    async with asyncio.timeout(60):
        while not (await node.ask("registry.granted", patient_id="P1", scope="ems")).value["granted"]:  # noqa: ASYNC110 - looked up
            await asyncio.sleep(0.01)
