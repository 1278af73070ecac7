"""`hisbus try <operation> file`: one mapping of one message, field by field."""

import json
from pathlib import Path
from typing import Any

import click

from engine.base.clock import SystemClock, from_micros
from engine.base.errors import BusError, Exit
from engine.base.where import did_you_mean
from engine.cli.check import checked
from engine.cli.say import CannotRun, as_json, table
from engine.cli.site import Site, site_options
from engine.mapping import show
from engine.mapping.library import Library
from engine.mapping.show import Shown
from engine.model import Context


@click.command("try")
@click.argument("operation")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--campus", help="The campus that the map knows; the site's first unless said.")
@site_options
def command(site: Site, operation: str, file: Path, campus: str | None) -> None:
    """Shows how OPERATION maps FILE, field by field. Nothing is sent and nothing is stored.

    OPERATION is system.operation (his.book), system.kind for a message that a system sends (results.lab_result;
    the system alone: whatever kind it is), or between.name. FILE is the message as it comes over the wire, or
    our document as JSON.
    """
    found = checked(site)
    config = found.loaded.config
    systems = {name: system.profile for name, system in config.systems.items()}
    now = from_micros(SystemClock().now()).astimezone(config.site.zone)
    values = {"token": "t1", "message_id": "m1", "campus": campus or config.site.campuses[0]}
    context = Context(now, now, values | {"system": operation.partition(".")[0]})
    try:
        shown = _show(found.release.library, systems, operation, file.read_bytes(), context)
    except BusError as error:
        raise CannotRun(f"the message cannot be read: {error.detail or error.code.kind.en}", error.spot) from error
    _print(site, shown)
    raise SystemExit(Exit.FINDINGS.value if shown.error else Exit.FINE.value)


def _show(library: Library, systems: dict[str, str], operation: str, raw: bytes, context: Context) -> Shown:
    system, _, name = operation.partition(".")
    if system == "between":
        if name not in library.between:
            raise click.UsageError(f"there is no map {name!r}; {did_you_mean(name, library.between)}")
        return show.between(library, name, _document(raw), context)
    if system not in systems:
        raise click.UsageError(f"there is no system {system!r}; {did_you_mean(system, [*systems, 'between'])}")
    profile = library.profiles[systems[system]]
    if name in profile.outgoing:
        return show.outgoing(library, profile, profile.outgoing[name], _document(raw), context)
    if name and name not in profile.incoming:
        hint = did_you_mean(name, [*profile.outgoing, *profile.incoming])
        raise click.UsageError(f"{system!r} has no operation {name!r}; {hint}")
    return show.incoming(library, profile, profile.incoming.get(name), raw, context)


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise CannotRun("our document is a JSON object, and this is no JSON") from error
    if not isinstance(document, dict):
        raise CannotRun("our document is a JSON object, and this is none")
    return document


def _print(site: Site, shown: Shown) -> None:
    error = f"{shown.error.code.name}: {shown.error.detail}" if shown.error else None
    if site.as_json:
        fields = [{"target": one.target, "source": one.source, "value": one.value} for one in shown.fields]
        as_json({"map": shown.map, "fields": fields, "result": _text(shown.result), "error": error})
        return
    click.echo(f"{shown.map}\n")
    table([(one.target, one.source, _cell(one.value)) for one in shown.fields], ("field", "from", "value"))
    if error:
        click.echo(f"\n{error}")
    elif isinstance(shown.result, bytes):
        click.echo("\n" + shown.result.decode("utf-8", "replace").replace("\r", "\n"))


def _text(result: Any) -> Any:
    return result.decode("utf-8", "replace") if isinstance(result, bytes) else result


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)
