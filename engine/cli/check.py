"""`hisbus check`: everything that a start would refuse, all at once, each with its place and its mend."""

import os
from typing import TYPE_CHECKING

import click

from engine.cli.say import as_json, refuse
from engine.cli.site import Adapters, Site, site_options
from engine.settings.problems import Problems

if TYPE_CHECKING:
    from engine.app.check import Checked


@click.command("check")
@site_options
def command(site: Site) -> None:
    """Checks settings, secrets, routes and mappings; what this passes, `hisbus run` accepts."""
    release = checked(site).release
    if site.as_json:
        as_json({"ok": True, "findings": [], "release": release.digest})
        return
    profiles = len(release.library.profiles)
    click.echo(f"fine: {len(release.routes)} routes, {profiles} profiles, release {release.digest[:12]}")


def checked(site: Site) -> "Checked":
    """The site without findings; else they are printed and end the verb."""
    from engine.app.check import check
    from engine.base.ids import SystemIds

    site.require()
    problems = Problems()
    found = check(site.folder, site.environment, os.environ, Adapters(), SystemIds(), problems)
    if found is None:
        refuse(list(problems), site.as_json)
    return found
