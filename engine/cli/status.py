"""`hisbus status`: what the running bus listens to, and what waits for which system."""

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
    click.echo(f"release {status['release']}")
    table(sorted(status["listeners"].items()), ("listener", "address"))
    counts = ("under_way", "ready", "doubtful", "parked")
    rows = [(name, one["state"], *(one[count] for count in counts)) for name, one in sorted(status["systems"].items())]
    table(rows, ("system", "state", *counts))
