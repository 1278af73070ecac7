"""Two whole buses on one PostgreSQL journal: each message is delivered once, in its line's order, by whichever."""

import asyncio
from collections import defaultdict

import pytest
from routing_desk import write
from test_bus_over_http import CONFIG, ROUTES, office, post, running

from tests.postgres_server import postgres

__all__ = ["office", "postgres"]


def site(folder, office, postgres_url, node):
    address = postgres_url.replace("bus@", "")
    journal = f'journal: {{url: "{address}", node: {node}, login: {{user: bus, password: {{secret: bus}}}}}}'
    write(folder, ROUTES, (CONFIG % office.url).replace("journal: {reserve: 1MB}", journal))
    (folder / "keys").mkdir()
    (folder / "keys" / "journal_key").write_text("k" * 64)
    (folder / "keys" / "bus").write_text("trusted by its socket")
    return folder


@pytest.mark.postgres
async def test_two_buses_share_a_journal(tmp_path, office, postgres):
    url = postgres.fresh()
    one, two = (site(tmp_path / node, office, url, node) for node in ("a", "b"))
    async with running(one) as first, running(two) as second:
        for _ in range(100):
            if await first.journal.nodes() == 2:
                break
            await asyncio.sleep(0.05)
        assert await second.journal.nodes() == 2
        for number in range(30):
            bus = (first, second)[number % 2]
            status, _ = await post(bus, who=f"P{number % 3}", order=f"O{number:02d}", kind="a")
            assert status == 200
        repeated, _ = await post(second, who="P0", order="O00", kind="a")
        assert repeated == 200, "the other node knows the key"
        for _ in range(400):
            if len(office.ledger) >= 60:
                break
            await asyncio.sleep(0.05)
    lines = defaultdict(list)
    for name, body in office.ledger:
        lines[name, body.get("who") or body.get("to")].append(body.get("order") or body.get("about"))
    assert all(orders == sorted(set(orders)) for orders in lines.values()), "once each, and in order"
    assert sum(len(orders) for orders in lines.values()) == 60
