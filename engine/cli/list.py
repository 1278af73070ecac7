"""`hisbus list`: messages, newest first, narrowed by route, state, system, time, or by whom they are about."""

import asyncio
from typing import Any

import click

from engine.base.where import did_you_mean
from engine.cli.book import instant, local, reading
from engine.cli.say import as_json, table
from engine.cli.site import Site, site_options
from engine.journal.history import Line, Wanted
from engine.model import State
from engine.settings import nodes
from engine.settings.layers import Loaded
from engine.settings.problems import Problems


@click.command("list")
@click.option("--route", help="Only messages of this route.")
@click.option("--state", type=click.Choice([state.value for state in State]), help="With a delivery in this state.")
@click.option("--system", help="With a delivery to this system.")
@click.option("--since", help="Received at or after, in the site's zone: 2026-11-20 or 2026-11-20T09:30.")
@click.option("--until", help="Received before.")
@click.option("--find", metavar="KIND=VALUE", help="About a patient, an order, …: patient=P1. Looked up by keyed hash.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10000), help="At most so many.")
@click.option("--before", type=int, metavar="SEQ", help="The next page: messages older than this number.")
@site_options
def command(site: Site, find: str | None, since: str | None, until: str | None, **narrow: Any) -> None:
    """Lists messages, newest first. Needs no running bus."""
    loaded = site.load()
    wanted = Wanted(
        since=instant(loaded, since) if since else None, until=instant(loaded, until) if until else None, **narrow
    )
    lines = asyncio.run(_lines(site, loaded, wanted, find))
    if site.as_json:
        as_json([_as_json(loaded, line) for line in lines])
        return
    rows = [(line.seq, local(loaded, line.received), line.route, _states(line), line.id) for line in lines]
    table(rows, ("seq", "received", "route", "deliveries", "id"))


async def _lines(site: Site, loaded: Loaded, wanted: Wanted, find: str | None) -> list[Line]:
    async with reading(site, loaded) as history:
        if find is None:
            return await history.search(wanted)
        kind, equals, value = find.partition("=")
        if not equals:
            raise click.UsageError("--find is written kind=value, like patient=P1")
        found = await history.find(kind, value, wanted)
    if not found and kind not in (known := _kinds(site)):
        raise click.UsageError(f"no shape finds messages by {kind!r}; {did_you_mean(kind, known)}")
    return found


def _kinds(site: Site) -> set[str]:
    """What the shapes of the present texts can be found by."""
    files = sorted(site.path("mappings/shapes").glob("*.yaml"))
    shapes = [nodes.load(file, Problems(), file.name) for file in files]
    finds = [shape.get("find") for shape in shapes if shape is not None]
    return {kind for find in finds if find is not None for kind in find.plain()}


def _states(line: Line) -> str:
    return ", ".join(f"{step.system} {step.state}" + (f" ({step.why})" if step.why else "") for step in line.steps)


def _as_json(loaded: Loaded, line: Line) -> dict[str, Any]:
    return {
        "seq": line.seq,
        "id": line.id,
        "route": line.route,
        "received": local(loaded, line.received),
        "open": line.open,
        "deliveries": [
            {
                "step": step.step,
                "system": step.system,
                "state": step.state,
                "attempts": step.attempt,
                "due": local(loaded, step.due),
                "outcome": step.outcome,
                "code": step.code,
                "why": step.why,
            }
            for step in line.steps
        ],
    }
