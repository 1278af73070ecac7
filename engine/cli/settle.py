"""`hisbus settle <id> --as delivered --reason …`: ends a delivery as the system behind has it."""

import base64
from pathlib import Path

import click

from engine.cli.act import act, act_options
from engine.cli.site import Site, site_options


@click.command("settle")
@act_options
@click.option("--as", "word", required=True, type=click.Choice(["delivered", "refused"]), help="What they did.")
@click.option(
    "--reply",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What they would have answered, in their own format; needed where somebody reads it.",
)
@site_options
def command(site: Site, id: str, step: str | None, reason: str, word: str, reply: Path | None) -> None:  # noqa: A002 - the argument is called so
    """Ends a parked or doubtful delivery of message ID as the system behind has it. Look there first.

    What follows is what would have followed their answer: later steps go or are skipped, on_failure runs for a
    refusal, and who waits for it or repeats its key hears it.
    """
    content = base64.b64encode(reply.read_bytes()).decode() if reply is not None else None
    act(site, "settle", id, step, reason, reply=content, **{"as": word})
