"""`hisbus drop <id> --reason …`: gives a delivery up for good."""

import click

from engine.cli.act import act, act_options
from engine.cli.site import Site, site_options


@click.command("drop")
@act_options
@site_options
def command(site: Site, id: str, step: str | None, reason: str) -> None:  # noqa: A002 - the argument is called so
    """Gives a delivery of message ID up for good; what needs it is skipped, and on_failure of its route runs."""
    act(site, "drop", id, step, reason)
