"""`hisbus park <id> --reason …`: holds a delivery until a person decides."""

import click

from engine.cli.act import act, act_options
from engine.cli.site import Site, site_options


@click.command("park")
@act_options
@site_options
def command(site: Site, id: str, step: str | None, reason: str) -> None:  # noqa: A002 - the argument is called so
    """Holds a delivery of message ID until a person retries or drops it; its line waits, unless its route says not."""
    act(site, "park", id, step, reason)
