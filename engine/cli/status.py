"""`hisbus status`: what the running bus listens to, and what waits for which system."""

from collections.abc import Mapping
from typing import Any

import click

from engine.cli.running import ask
from engine.cli.say import as_json, table
from engine.cli.site import Site, site_options


@click.command("status")
@site_options
def command(site: Site) -> None:
    """Shows what the running bus listens to, and what waits for which system."""
    status = ask(site, site.load(), "status")
    if site.as_json:
        as_json(status)
        return
    click.echo(f"release {status['release']}{_beside(status)}")
    if len(status["nodes"]) > 1:
        table(sorted(status["nodes"].items()), ("node", "release"))
    table(sorted(status["listeners"].items()), ("listener", "address"))
    counts = ("under_way", "ready", "doubtful", "parked")
    rows = [(name, one["state"], *(one[count] for count in counts)) for name, one in sorted(status["systems"].items())]
    table(rows, ("system", "state", *counts))


def _beside(status: Mapping[str, Any]) -> str:
    """What else there is to know of the texts."""
    if status["on_disk"] == status["release"]:
        return ""
    left = "rolled back from" if status["withdrawn"] else "not in force yet: hisbus reload"
    return f"; on disk are those of {status['on_disk']}, {left}"
