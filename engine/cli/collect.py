"""`hisbus collect ROUTE`: runs the schedule of a route now."""

import click

from engine.base.errors import Exit
from engine.cli.running import ask
from engine.cli.say import CannotRun, as_json, table
from engine.cli.site import Site, site_options


@click.command("collect")
@click.argument("route")
@click.option("--campus", help="Only here; without it, at every campus.")
@site_options
def command(site: Site, route: str, campus: str | None) -> None:
    """Runs the schedule of ROUTE now, on a day off too, and says what it found once all of it is stored.

    It goes on from where the last run came to; the next one comes at its time. What cannot be read is kept as refused:
    hisbus list --route refused.
    """
    runs = ask(site, site.load(), "collect", route=route, campus=campus)
    if site.as_json:
        as_json(runs)
    else:
        rows = [(run["source"], run["campus"], run["found"], run["refused"], run["code"] or "good") for run in runs]
        table(rows, ("source", "campus", "found", "refused", "run"))
    failed = [run for run in runs if run["code"]]
    if failed and site.as_json:
        raise SystemExit(Exit.CANNOT_RUN.value)
    if failed:
        raise CannotRun(f"{failed[0]['source']} could not be read to its end", "it is tried again by itself")
