"""What reload and rollback share: a switch of the running bus, and what it has changed."""

import getpass
from typing import Any

import click

from engine.base.where import Problem, Where
from engine.cli.running import ask
from engine.cli.say import as_json, refuse
from engine.cli.site import Site

_CHANGES = {
    "opened": "listens at",
    "drained": "listens no more at, once what was read is answered",
    "renewed": "calls by new settings",
    "left": "calls no more",
}


def switch(site: Site, verb: str, **arguments: Any) -> None:
    """Has the running bus switch and says what it changed; findings are printed and end the verb."""
    done = ask(site, site.load(), verb, who=getpass.getuser(), **arguments)
    if "findings" in done:
        refuse([Problem(Where(**one["where"]), one["what"], one["hint"]) for one in done["findings"]], site.as_json)
    if site.as_json:
        as_json(done)
        return
    release, before = done["release"][:12], done["before"][:12]
    click.echo(f"release {release} is in force" + (f", {before} was" if release != before else ", as before"))
    for key, says in _CHANGES.items():
        if done[key]:
            click.echo(f"  {says}: {', '.join(done[key])}")
    if done["on_disk"] != done["release"]:
        click.echo(f"  on disk are other texts, those of release {done['on_disk'][:12]}; see hisbus releases")
