"""`hisbus rollback [HASH] --reason …`: puts a former release in force again."""

import click

from engine.cli.releasing import switch
from engine.cli.site import Site, site_options


@click.command("rollback")
@click.argument("release", required=False, metavar="[HASH]")
@click.option("--reason", required=True, help="Why; it is kept with the release.")
@site_options
def command(site: Site, release: str | None, reason: str) -> None:
    """Puts the release before this one in force again, or the one that begins with HASH, under the settings as they
    are now.

    The files stay as they are. A start or a reload does not take the texts that were left until they are changed.
    """
    if not reason.strip():
        raise click.UsageError("--reason must say why")
    switch(site, "rollback", release=release, reason=reason)
