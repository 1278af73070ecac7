"""What retry, park and drop share: a person's act on one delivery, with the reason, through the running bus."""

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click

from engine.cli.running import ask
from engine.cli.say import as_json
from engine.cli.site import Site

F = TypeVar("F", bound=Callable[..., Any])


def act_options(verb: F) -> F:
    """Adds the message's id, `--step` and `--reason`."""
    verb = click.option("--reason", required=True, help="Why; it is kept with the delivery and in the audit.")(verb)
    verb = click.option("--step", help="Which step; needed where more than one could be meant.")(verb)
    return click.argument("id")(verb)


def act(site: Site, verb: str, message: str, step: str | None, reason: str, **more: Any) -> None:
    """Does the act and says what the delivery is now."""
    if not reason.strip():
        raise click.UsageError("--reason must say why")
    done = ask(site, site.load(), verb, id=message, step=step, reason=reason, who=getpass.getuser(), **more)
    if site.as_json:
        as_json(done)
    else:
        click.echo(f"{done['id']} {done['step']}: {done['state']}")
