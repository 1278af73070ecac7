"""`hisbus explain <route>` and `hisbus explain --config`: what will happen, and where it is written."""

import click

from engine.cli.say import CannotRun, as_json, refuse, table
from engine.cli.site import Site, site_options
from engine.settings.layers import BUILT_IN
from engine.settings.problems import Problems
from engine.settings.routes import ACCEPTED, Merge, Route, RoutesText, Schedule, Step, load_routes
from engine.settings.units import say_duration

_DAYS = {"every": "", "work": " on worked days", "off": " on days off"}


@click.command("explain")
@click.argument("route", required=False)
@click.option("--config", "settings", is_flag=True, help="Show every setting in force and the place that set it.")
@site_options
def command(site: Site, route: str | None, settings: bool) -> None:
    """Shows a route step by step, or with --config every setting and the place that set it."""
    if settings == (route is not None):
        raise click.UsageError("name a route, or give --config")
    if settings:
        _explain_settings(site)
    else:
        _explain_route(site, str(route))


def _explain_settings(site: Site) -> None:
    rows = list(site.load().settings())
    if site.as_json:
        as_json([{"path": row.path, "value": row.value, "origin": row.origin} for row in rows])
        return
    said = [row for row in rows if row.origin != BUILT_IN or row.value not in (None, [], {})]
    table([(row.path, _written(row.value), row.origin) for row in said], ("setting", "value", "set by"))


def _explain_route(site: Site, name: str) -> None:
    text = routes(site)
    if name not in text.routes:
        problems = Problems()
        problems.unknown(text.where("routes"), "the route", name, text.routes)
        refuse(list(problems), site.as_json)
    route = text.routes[name]
    if site.as_json:
        as_json({"route": name, **route.model_dump(mode="json", by_alias=True, exclude_unset=True)})
        return
    click.echo(f"{name}  ({text.where('routes', name)})")
    for label, value in _about(name, route):
        click.echo(f"  {label:10} {value}")
    _steps("steps", route.all_steps())
    if route.on_failure:
        _steps("when one of these is refused or given up", route.on_failure)


def routes(site: Site) -> RoutesText:
    """The site's routes; findings are printed and end the verb."""
    site.require()
    file = site.folder / "routes.yaml"
    if not file.exists():
        raise CannotRun("this site has no routes.yaml")
    problems = Problems()
    text = load_routes(file.read_text(encoding="utf-8"), "routes.yaml", problems)
    if text is None:
        refuse(list(problems), site.as_json)
    return text


def _asks(schedule: Schedule) -> str:
    when = f"at {schedule.cron}" if schedule.every is None else f"every {say_duration(schedule.every)}"
    parts = [when + _DAYS[schedule.days]]
    parts += [f"after {' and '.join(schedule.after)}"] if schedule.after else []
    parts += ["a run that was missed is " + ("made up for once" if schedule.missed == "run_once" else "left out")]
    parts += ["a day without anything is said"] if schedule.empty == "send" else []
    return "; ".join(parts)


def _about(name: str, route: Route) -> list[tuple[str, str]]:
    about = [("from", ", ".join(route.from_) if route.from_ else f"callers of the operation {name}")]
    if route.schedule is not None:
        about.append(("asks", _asks(route.schedule)))
    if route.key is not None:
        about.append(("key", f"{' + '.join(route.key.by)}, other content: {route.key.other_content}"))
    if route.lane is not None:
        shared = f", shared by all routes that name {route.lane.name!r}" if route.lane.name else ""
        about.append(("in line by", f"{route.lane.by}{shared}"))
    if route.amends is not None:
        accepted = "a person's turn" if route.amends.accepted == "park" else "sent as well"
        about.append(("amends", f"what has the same {route.amends.by} and is not accepted; after that: {accepted}"))
    last = "every step" if route.gather else "the last step"
    after = route.answer.after or (last if route.from_ is None else ACCEPTED)
    within = f", within {say_duration(route.answer.within)}" if route.answer.within is not None else ""
    late = "; what is done later is undone" if route.answer.late == "undo" else ""
    about.append(("answered", f"after {after}{within}{late}"))
    if route.merge is not None:
        about.append(("merged", _merged(route.merge)))
    if route.cache is not None:
        old = f", given for {say_duration(route.cache.stale)} while the system is down" if route.cache.stale else ""
        about.append(("kept", f"for {say_duration(route.cache.for_)}{old}"))
    return about


def _merged(merge: Merge) -> str:
    parts = [f"into {merge.into}"]
    parts += [f"one for each {merge.unique}"] if merge.unique else []
    parts += [f"by {merge.order.by}, the {merge.order.first} first"] if merge.order else []
    parts += ["a part that does not answer is named" if merge.missing == "say" else "all parts must answer"]
    return ", ".join(parts)


def _steps(title: str, steps: dict[str, Step]) -> None:
    click.echo(f"  {title}:")
    before: str | None = None
    for name, step in steps.items():
        needs = step.needs if step.needs is not None else ([before] if before else [])
        parts = [f"each of {step.each} to {step.to}" if step.each else f"to {step.to}"]
        parts += [f"mapped by {step.map}"] if step.map else []
        parts += [f"after {', '.join(needs)}"] if needs else ["at once"]
        parts += [f"if {step.when}"] if step.when else []
        parts += [f"each call within {say_duration(step.within)}"] if step.within is not None else []
        if step.retry is not None:
            parts.append(f"tried for {say_duration(step.retry.for_)}, then {step.retry.then}")
        parts += ["parked when refused"] if step.refused == "park" else []
        parts += ["in no line"] if step.lane == "none" else []
        click.echo(f"    {name:10} {', '.join(parts)}")
        before = name


def _written(value: object) -> str:
    if isinstance(value, dict) and "secret" in value:
        return f"secret {value['secret']}"
    if isinstance(value, list):
        return f"[{', '.join(str(item) for item in value)}]"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
