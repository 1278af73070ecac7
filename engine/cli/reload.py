"""`hisbus reload`: puts the site's files in force without a restart."""

import click

from engine.cli.releasing import switch
from engine.cli.site import Site, site_options


@click.command("reload")
@click.option("--reason", default="", help="Why; it is kept with the release.")
@click.option("--again", is_flag=True, help="Take texts that were rolled back from.")
@site_options
def command(site: Site, reason: str, again: bool) -> None:
    """Checks texts and settings as a start does, and puts them in force whole, without dropping a connection.

    Where anything is found, nothing is changed: the findings are printed, exit code 1.
    """
    switch(site, "reload", reason=reason, again=again)
