"""`hisbus test [what]`: runs the examples of profiles and the scenarios of the site, and says field by field what
differs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.base.errors import Exit
from engine.base.where import did_you_mean
from engine.channel.examples import run as run_contracts
from engine.cli.check import checked
from engine.cli.say import as_json, findings, progress, refuse
from engine.cli.site import Adapters, Site, site_options
from engine.mapping.examples import Result, run, run_between
from engine.mapping.library import Library
from engine.settings.problems import Problems

if TYPE_CHECKING:
    from engine.app.check import Checked
    from engine.app.scenarios.player import Played


@click.command("test")
@click.argument("what", required=False)
@site_options
def command(site: Site, what: str | None) -> None:
    """Runs the examples of all profiles and the scenarios in tests/routes, and says field by field what differs.

    WHAT narrows it to one profile (gateway/message), or to one file or folder of scenarios (tests/routes/x.yaml).
    Exit code 1 when something differs, or when a text has findings.
    """
    found = checked(site)
    profiles, files = _chosen(site, found.release.library, what)
    played = _play(site, found, files)
    results = [*_run(found.release.library, profiles), *_run_contracts(found, profiles)]
    fine = all(one.fine for one in results) and all(one.fine for one in played)
    if site.as_json:
        examples = [_as_json(result) for result in results]
        as_json({"ok": fine, "examples": examples, "scenarios": [_played_as_json(one) for one in played]})
    else:
        _say(results, played)
    raise SystemExit(Exit.FINE.value if fine else Exit.FINDINGS.value)


def _chosen(site: Site, library: Library, what: str | None) -> tuple[list[str], list[Path]]:
    """The profiles and the scenario files that are meant."""
    from engine.app.scenarios.loading import files_of

    if what is None:
        return sorted(library.profiles), files_of(site.folder)
    if what in library.profiles:
        return [what], []
    place = next((path for path in (Path(what), site.path(what)) if path.exists()), None)
    if place is None:
        known = [*library.profiles, *(path.relative_to(site.folder).as_posix() for path in files_of(site.folder))]
        raise click.UsageError(f"there is no profile and no scenario {what!r}; {did_you_mean(what, known)}")
    return [], sorted(place.rglob("*.yaml")) if place.is_dir() else [place]


def _run(library: Library, names: list[str]) -> list[Result]:
    results: list[Result] = []
    for name in names:
        found = list(run(library.profiles[name], library.zone))
        progress(f"{name}: {len(found)} examples")
        results += found
    if names == sorted(library.profiles):
        for name, examples in library.between_examples.items():
            results += run_between(name, library.between[name], examples, library.zone)
    return results


def _run_contracts(found: "Checked", names: list[str]) -> list[Result]:
    """The examples of what the channels offer."""
    from engine.app.offers import contracts_of

    results: list[Result] = []
    channels = {system.profile for system in found.loaded.config.systems.values() if system.clients}
    for name in sorted(channels.intersection(names)):
        contracts = contracts_of(found.release, name, Problems())
        assert contracts is not None, "the check has read them"
        made = list(run_contracts(name, contracts))
        progress(f"{name}: {len(made)} examples of operations")
        results += made
    return results


def _play(site: Site, found: "Checked", files: list[Path]) -> "list[Played]":
    """Every scenario; findings in any of their texts end the verb before one is played."""
    from engine.app.scenarios.loading import load
    from engine.app.scenarios.player import play

    problems = Problems()
    loaded = [load(file, site.folder, found, problems) for file in files]
    if problems:
        refuse(list(problems), site.as_json)
    played = []
    for scenario in filter(None, loaded):
        progress(f"{scenario.node.where.file}: {scenario.text.scenario}")
        played.append(play(scenario, site.folder, found, Adapters()))
    return played


def _say(results: list[Result], played: "list[Played]") -> None:
    for result in (result for result in results if not result.fine):
        click.echo(f"{click.style(str(result.where), bold=True)}: {result.operation}, {result.case}")
        for difference in result.differences:
            click.echo(f"    {difference}")
    for scenario in (scenario for scenario in played if not scenario.fine):
        click.echo(f"{click.style(str(scenario.where), bold=True)}: {scenario.scenario}")
        for problem in scenario.differences:
            click.echo(f"    {problem.where}: {problem.what}")
            if problem.hint:
                click.echo(f"        {problem.hint}")
    if results:
        click.echo(f"{sum(one.fine for one in results)} of {len(results)} examples as they say")
    if played:
        click.echo(f"{sum(one.fine for one in played)} of {len(played)} scenarios as they say")


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


def _played_as_json(played: "Played") -> dict[str, Any]:
    return {
        "scenario": played.scenario,
        "where": str(played.where),
        "fine": played.fine,
        "differences": findings(played.differences),
    }
