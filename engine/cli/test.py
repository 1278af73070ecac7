"""`hisbus test [profile]`: runs the examples of profiles and says field by field what differs."""

from typing import Any

import click

from engine.base.errors import Exit
from engine.base.where import did_you_mean
from engine.cli.check import checked
from engine.cli.say import as_json, progress
from engine.cli.site import Site, site_options
from engine.mapping.examples import Result, run
from engine.mapping.library import Library


@click.command("test")
@click.argument("profile", required=False)
@site_options
def command(site: Site, profile: str | None) -> None:
    """Runs the examples of all profiles, or of one, and says field by field what differs.

    Exit code 1 when something differs, or when a text has findings.
    """
    library = checked(site).release.library
    if profile is not None and profile not in library.profiles:
        raise click.UsageError(f"there is no profile {profile!r}; {did_you_mean(profile, library.profiles)}")
    results = _run(library, [profile] if profile else sorted(library.profiles))
    failed = [result for result in results if not result.fine]
    if site.as_json:
        as_json({"ok": not failed, "examples": [_as_json(result) for result in results]})
    else:
        for result in failed:
            click.echo(f"{click.style(str(result.where), bold=True)}: {result.operation}, {result.case}")
            for difference in result.differences:
                click.echo(f"    {difference}")
        click.echo(f"{len(results) - len(failed)} of {len(results)} examples as they say")
    raise SystemExit(Exit.FINDINGS.value if failed else Exit.FINE.value)


def _run(library: Library, names: list[str]) -> list[Result]:
    results: list[Result] = []
    for name in names:
        found = list(run(library.profiles[name], library.zone))
        progress(f"{name}: {len(found)} examples")
        results += found
    return results


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "profile": result.profile,
        "operation": result.operation,
        "case": result.case,
        "where": str(result.where),
        "fine": result.fine,
        "differences": [
            {"path": one.path, "expected": repr(one.expected), "got": repr(one.got)} for one in result.differences
        ],
    }
