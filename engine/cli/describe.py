"""`hisbus describe adapter|call|function|operation|shape|setting|error [name]`: the reference, at the command line."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import click

from engine.base.errors import Code
from engine.base.where import did_you_mean
from engine.channel.pages import flat
from engine.channel.refusal import needs
from engine.channel.texts import FieldText
from engine.cli.asking import fields_of
from engine.cli.channel import channel_of, contracts_of
from engine.cli.say import as_json, refuse, table
from engine.cli.site import Site, site_options
from engine.settings.pages import Entry, blocks
from engine.settings.problems import Problems

if TYPE_CHECKING:
    from engine.mapping.shapes import ShapeField


_CHOICES = ("adapter", "call", "function", "operation", "shape", "setting", "error")


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of one thing: a line, and rows of detail."""

    name: str
    says: str
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@click.command("describe")
@click.argument("kind", type=click.Choice(list(_CHOICES)))
@click.argument("name", required=False)
@site_options
def command(site: Site, kind: str, name: str | None) -> None:
    """Lists all things of a KIND with a line each, or shows one by its NAME."""
    pages = {page.name: page for page in _KINDS[kind](site)}
    if name is None:
        if site.as_json:
            as_json([{"name": page.name, "says": page.says} for page in pages.values()])
        else:
            table([(page.name, page.says.split("\n")[0]) for page in pages.values()], (kind, "what it is"))
        return
    if name not in pages:
        raise click.UsageError(f"there is no {kind} {name!r}; {did_you_mean(name, pages)}")
    page = pages[name]
    if site.as_json:
        as_json(asdict(page))
        return
    click.echo(f"{click.style(page.name, bold=True)}\n\n{page.says}")
    if page.rows:
        click.echo()
        table(page.rows, page.heads)


def _adapters(_site: Site) -> Iterator[Page]:
    adapters = import_module("adapters")  # the engine imports no adapter: they are found by name
    for name in sorted(adapters.NAMES):
        adapter = adapters.load(name)
        rows = [
            (where, *_row(entry))
            for where, model in (("profile", adapter.profile_options), ("operation", adapter.operation_options))
            for block in blocks(model)
            for entry in block.entries
        ]
        yield Page(name, adapter.says, ("of a", "option", "what stands there", "default", "meaning"), tuple(rows))


def _calls(site: Site) -> Iterator[Page]:
    """What channel applications can call, and `hisbus call` too."""
    loaded = site.load()
    contracts = contracts_of(site, loaded, channel_of(loaded))
    for name, contract in contracts.operations.items():
        text = contract.text
        rows = [
            (where, field, _kind(known), "yes" if known.required or where == "path" else "", known.says)
            for where, fields in fields_of(text).items()
            for field, known in flat(fields)
        ]
        says = f"{text.says}: {text.method} {contracts.base}{text.path}"
        says += f"\n{needs(text.request.needs).zh}" if text.request.needs else ""
        yield Page(name, says, ("in", "name", "what stands there", "needed", "meaning"), tuple(rows))


def _kind(field: FieldText) -> str:
    return ", ".join(field.words) or field.type


def _functions(_site: Site) -> Iterator[Page]:
    from engine.mapping.functions import FUNCTIONS

    for name, function in sorted(FUNCTIONS.items()):
        rows = [(str(example.given), example.call, str(example.gives)) for example in function.examples]
        yield Page(name, f"{function.signature}: {function.says}", ("given", "call", "gives"), tuple(rows))


def _operations(_site: Site) -> Iterator[Page]:
    """What the bus's own systems can do."""
    from engine.registry.systems import operations

    for name, operation in operations():
        refuses = ", ".join(code.name for code in operation.refuses)
        rows = (
            ("takes", operation.takes),
            ("gives", operation.gives),
            ("effect", operation.effect.value),
            ("refuses with", refuses),
        )
        yield Page(name, operation.says, ("it", "what"), rows)


def _shapes(site: Site) -> Iterator[Page]:
    from engine.mapping.shapes import document
    from engine.mapping.texts import ShapeText
    from engine.settings import nodes
    from engine.settings.texts import validate

    site.require()
    problems = Problems()
    for file in sorted(site.path("mappings/shapes").glob("*.yaml")):
        node = nodes.load(file, problems, f"mappings/shapes/{file.name}")
        text = validate(ShapeText, node, problems) if node is not None else None
        if node is not None and text is not None:
            rows = tuple(_fields(document(text, node, problems).fields.values(), ""))
            yield Page(text.shape, text.says, ("field", "type", "needed", "meaning"), rows)
    if problems:
        refuse(list(problems), site.as_json)


def _fields(fields: "Iterable[ShapeField]", path: str) -> Iterator[tuple[str, str, str, str]]:
    for field in fields:
        codes = ", ".join(f"{code} {means}".strip() for code, means in field.codes.items())
        says = " ".join(part for part in (field.says, f"One of: {codes}." if codes else "") if part)
        yield path + field.name, field.kind, "yes" if field.required else "", says
        yield from _fields(field.fields.values(), f"{path}{field.name}.")


def _settings(_site: Site) -> Iterator[Page]:
    from engine.settings.models import Config

    for block in blocks(Config):
        rows = tuple(_row(entry) for entry in block.entries)
        if block.path:
            yield Page(block.path, block.says, ("setting", "what stands there", "default", "meaning"), rows)
        for entry in block.entries:
            if not entry.blocks:
                _, kind, default, says = _row(entry)
                yield Page(entry.path, says, ("what stands there", "default"), ((kind, default),))


def _errors(_site: Site) -> Iterator[Page]:
    for code in Code:
        kind = code.kind
        rows = (
            ("HTTP", str(kind.http)),
            ("HL7 MSA-1", kind.ack),
            ("HL7 ERR-3", str(kind.condition)),
            ("then", kind.then.value[1]),
        )
        yield Page(code.name, f"{kind.en} {kind.zh}", ("where", "how it is said"), rows)


def _row(entry: Entry) -> tuple[str, str, str, str]:
    return entry.path, entry.kind.replace("`", ""), "required" if entry.required else entry.default, entry.says


_KINDS: dict[str, Callable[[Site], Iterator[Page]]] = {
    "adapter": _adapters,
    "call": _calls,
    "function": _functions,
    "operation": _operations,
    "shape": _shapes,
    "setting": _settings,
    "error": _errors,
}
