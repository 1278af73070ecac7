"""`hisbus completeness`: whether everything of a day went out, route by route."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from engine.app.completeness import Tally, closed, completeness, leave_out
from engine.base.errors import Exit
from engine.cli.book import local, reading
from engine.cli.running import ask
from engine.cli.say import as_json, table
from engine.cli.site import Site, site_options
from engine.settings.layers import Loaded

_BAD = ("refused", "parked", "in doubt", "waiting", "closed", "late", "missing")
_HEADS = ("route", "should", "came", "accepted", "last at", *_BAD)


@click.command("completeness")
@click.option("--day", metavar="YYYY-MM-DD", help="The business day; without it, yesterday at the site.")
@site_options
def command(site: Site, day: str | None) -> None:
    """Says what should have gone out of a day, what came in, and what the systems behind accepted.

    Asks the running bus, which asks the systems that messages are read from. Late is what should have gone by its
    route's schedule and is not accepted. Exit code 1: something is late, missing or parked, or could not be asked.
    """
    loaded = site.load()
    expected = ask(site, loaded, "expected", day=day)
    tallies = asyncio.run(_tallies(site, loaded, expected))
    if ids := closed(tallies):
        leave_out(tallies, ask(site, loaded, "corrections", ids=ids))
    if site.as_json:
        as_json(
            {"day": expected["day"], "whole": _whole(tallies), "routes": [_as_json(loaded, one) for one in tallies]}
        )
    else:
        _show(loaded, expected["day"], tallies)
    if not _whole(tallies):
        raise SystemExit(Exit.FINDINGS.value)


async def _tallies(site: Site, loaded: Loaded, expected: Any) -> list[Tally]:
    async with reading(site, loaded) as history:
        return await completeness(history, expected)


def _whole(tallies: Sequence[Tally]) -> bool:
    return all(one.whole for one in tallies)


def _show(loaded: Loaded, day: str, tallies: Sequence[Tally]) -> None:
    if not tallies:
        click.echo("no route here is found by its day")
        return
    table([_row(loaded, one) for one in tallies], _HEADS)
    for tally in tallies:
        for one in tally.troubles:
            said = " ".join(filter(None, (one.code, one.backend_code, one.backend_text)))
            click.echo(f"{tally.route}  {one.id}  {one.state}  {said}".rstrip())
    click.echo(f"{day}: {_verdict(tallies)}")


def _verdict(tallies: Sequence[Tally]) -> str:
    if not _whole(tallies):
        return "not everything went out"
    return "everything went out" if all(one.passed for one in tallies) else "nothing is late, not all of it is due yet"


def _row(loaded: Loaded, one: Tally) -> tuple[Any, ...]:
    should = one.error or ("not said" if one.should is None else one.should)
    came = one.came if one.passed else f"{one.came}, due {local(loaded, one.due)[:16]}"
    last = local(loaded, one.accepted_at)[:19]
    bad = (one.refused, one.parked, one.in_doubt, one.waiting, one.closed, one.late, one.missing)
    return (one.route, should, came, one.accepted, last, *bad)


def _as_json(loaded: Loaded, one: Tally) -> dict[str, Any]:
    shown = asdict(one) | {"missing": one.missing, "late": one.late}
    return shown | {"due": local(loaded, one.due), "accepted_at": local(loaded, one.accepted_at)}
