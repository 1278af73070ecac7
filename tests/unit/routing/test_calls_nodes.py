"""Waiting callers beside another node: what one commits, the other one's callers hear, and a key is one on both."""

import asyncio

import pytest
from calls_desk import CONFIG, App, states, until, write
from test_bus_over_http import running

from tests.postgres_server import postgres

__all__ = ["postgres"]


def site(folder, office, postgres_url, node):
    address = postgres_url.replace("bus@", "")
    journal = f'journal: {{url: "{address}", node: {node}, login: {{user: bus, password: {{secret: bus}}}}}}'
    write(folder, office.url, config=CONFIG.replace("journal: {reserve: 1MB}", journal))
    (folder / "keys" / "bus").write_text("trusted by its socket")
    return folder


@pytest.fixture
async def two(tmp_path, office_behind, postgres):
    url = postgres.fresh()
    one, other = (site(tmp_path / node, office_behind, url, node) for node in ("a", "b"))
    async with running(one) as first, running(other) as second:
        await until(lambda: first._nodes == 2 and second._nodes == 2)
        yield first, second


@pytest.mark.postgres
async def test_a_key_is_one_on_both_nodes(two, office_behind):
    first, second = (App(bus.listeners["channel"].address) for bus in two)
    office_behind.hold("save")
    asking = asyncio.create_task(first.ask("save", "key-0001", who="P1", order="O1"))
    await until(lambda: office_behind.arrived["save"])
    status, there = await second.ask("save", "key-0001", who="P1", order="O1")
    assert (status, there["code"]) == (409, "IN_PROGRESS")
    assert (await second.ask("save", "key-0001", who="P2", order="O1"))[1]["code"] == "IDEMPOTENCY_CONFLICT"
    office_behind.let_go("save")
    status, said = await asking
    assert (status, said["traceId"]) == (200, there["data"]["taskId"])
    assert (await second.ask("save", "key-0001", who="P1", order="O1"))[1]["data"] == said["data"]
    assert office_behind.arrived["save"] == 1


@pytest.mark.postgres
async def test_what_the_other_node_carries_is_heard_here(two, office_behind):
    """The second caller's message stands in line behind the first one's, whose node carries it when its turn comes."""
    first, second = (App(bus.listeners["channel"].address) for bus in two)
    office_behind.hold("book")
    asking = asyncio.create_task(first.ask("lined", "key-0001", who="P1", order="O1"))
    await until(lambda: office_behind.arrived["book"])
    waiting = asyncio.create_task(second.ask("lined", "key-0002", who="P1", order="O2"))

    async def stands():
        return await states(two[0]) == [["sending"], ["waiting"]]

    await until(stands)
    office_behind.let_go("book")
    told = await asyncio.gather(asking, waiting)
    assert [(status, said["data"]["number"]) for status, said in told] == [(200, "N1"), (200, "N2")]


@pytest.mark.postgres
async def test_a_doubt_of_the_other_node_is_told_here(two, office_behind):
    first, second = (App(bus.listeners["channel"].address) for bus in two)
    office_behind.answers["book"] = ["9"]
    _, doubt = await first.ask("lined", "key-0001", who="P1", order="O1")
    assert doubt["code"] == "RESULT_UNKNOWN"
    _, behind = await second.ask("lined", "key-0002", who="P1", order="O2")
    assert (behind["code"], behind["data"]["taskId"]) == ("STATE_CONFLICT", doubt["traceId"])
    assert sorted(await states(two[1])) == [["parked"], ["withdrawn"]]
