"""`hisbus retry <id> --reason …`: sends a delivery again, at its old place in line."""

import base64
from pathlib import Path

import click

from engine.cli.act import act, act_options
from engine.cli.site import Site, site_options


@click.command("retry")
@act_options
@click.option("--with", "body", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A corrected body.")
@click.option("--remap", is_flag=True, help="Map the message again under the current release; not while in doubt.")
@click.option("--anyway", is_flag=True, help="Though later messages of its line have overtaken it.")
@site_options
def command(
    site: Site,
    id: str,  # noqa: A002 - the argument is called so
    step: str | None,
    reason: str,
    body: Path | None,
    remap: bool,
    anyway: bool,
) -> None:
    """Sends a parked, waiting or doubtful delivery of message ID again, at its old place in line.

    In doubt, the system behind may get it twice: look there first.
    """
    content = base64.b64encode(body.read_bytes()).decode() if body is not None else None
    act(site, "retry", id, step, reason, body=content, remap=remap, anyway=anyway)
