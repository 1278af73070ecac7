"""`hisbus new profile <role>/<vendor>`: the first text of a profile. No file that is there is touched."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from engine.base.where import did_you_mean
from engine.cli.say import CannotRun, as_json, refuse
from engine.cli.site import Adapters, Site, site_options
from engine.contract import Finding, Offered
from engine.mapping import draft
from engine.mapping.library import OWN, load
from engine.settings.problems import Problems

_NAME = re.compile(r"[a-z][a-z0-9_-]*/[a-z][a-z0-9_-]*")
_WSDL_ADAPTER = "soap"


class _Beside(Mapping[str, bytes]):
    """The files of a folder, read when they are asked for: a description brings what it imports, and no more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.read: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        if name not in self.read:
            try:
                self.read[name] = (self._folder / name).read_bytes()
            except (OSError, ValueError):
                raise KeyError(name) from None
        return self.read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.read)

    def __len__(self) -> int:
        return len(self.read)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (self._folder / name).is_file()


@click.group("new")
def command() -> None:
    """Begins a text that a person then fills in."""


@command.command("profile")
@click.argument("name")
@click.option("--like", help="The profile that it begins as, like his/donghua.")
@click.option(
    "--wsdl", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The system's WSDL; it is copied."
)
@site_options
def profile(site: Site, name: str, like: str | None, wsdl: Path | None) -> None:
    """Writes mappings/NAME.yaml; NAME is role/vendor, as in his/acme. Files that are there are never written over.

    With --like, only what will differ is to be written. With --wsdl, every operation of the WSDL stands there,
    and what is to be said of each. `hisbus check` passes both as they are.
    """
    if not _NAME.fullmatch(name) or name.partition("/")[0] in OWN:
        raise click.UsageError(f"{name!r} is no name of a profile: write role/vendor, like his/acme")
    if (like is None) == (wsdl is None):
        raise click.UsageError("what does it begin as? Give --like a profile, or --wsdl a file")
    site.require()
    if like is not None:
        _write(site, name, {f"{name}.yaml": _like(site, name, like).encode()}, (), ())
    elif wsdl is not None:
        _from_wsdl(site, name, wsdl)


def _like(site: Site, name: str, like: str) -> str:
    """Raises UsageError where there is no such profile; its own findings end the verb."""
    problems = Problems()
    zone = site.load().config.site.zone
    base = load(site.path("mappings"), Adapters(), problems, zone).profiles
    if like in base:
        return draft.like(name, base[like])
    if site.path(f"mappings/{like}.yaml").is_file():
        refuse(list(problems), site.as_json)
    raise click.UsageError(f"there is no profile {like!r}; {did_you_mean(like, base)}")


def _from_wsdl(site: Site, name: str, wsdl: Path) -> None:
    adapter = Adapters()[_WSDL_ADAPTER]
    assert adapter.sketch is not None
    given = _Beside(wsdl.parent)
    found = adapter.sketch(wsdl.name, given)
    if found.findings:
        raise CannotRun(*_said(found.findings[0]))
    text = draft.sketched(name, adapter.name, found.options, adapter.formats[0], found.operations)
    role = name.partition("/")[0]
    copies = {f"{role}/{file}": content for file, content in given.read.items()}
    unfit = [each for each in found.operations if each.unfit]
    _write(site, name, {**copies, f"{name}.yaml": text.encode()}, tuple(draft.names(found.operations)), unfit)


def _said(finding: Finding) -> tuple[str, str]:
    return finding.what, finding.hint


def _write(
    site: Site, name: str, files: Mapping[str, bytes], operations: Sequence[str], unfit: Sequence[Offered]
) -> None:
    """All files or none; raises CannotRun where one of them is there with other content."""
    for file, content in files.items():
        there = site.path(f"mappings/{file}")
        if there.exists() and (file == f"{name}.yaml" or there.read_bytes() != content):
            raise CannotRun(f"mappings/{file} is there already", "take another name, or move that file away")
    for file, content in files.items():
        path = site.path(f"mappings/{file}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    written = [f"mappings/{file}" for file in files]
    if site.as_json:
        left_out = [{"operation": each.name, "why": each.unfit} for each in unfit]
        as_json({"profile": name, "files": written, "operations": list(operations), "left_out": left_out})
        return
    click.echo(f"written: {', '.join(written)}")
    for each in unfit:
        click.echo(f"left out: {each.name}: {each.unfit}")
