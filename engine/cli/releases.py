"""`hisbus releases`: the texts that the journal keeps, which are in force, and who put them there."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from engine.cli.book import local, reading
from engine.cli.say import CannotRun, as_json, progress, table
from engine.cli.site import Site, site_options
from engine.journal import reads
from engine.journal.history import History, Release
from engine.journal.switches import Switch, Switches
from engine.routing.release import digest_of, read_texts, unpack
from engine.settings.layers import Loaded

_SHOWN = 12


@click.command("releases")
@click.argument("release", required=False, metavar="[HASH]")
@click.option("--to", type=click.Path(path_type=Path), help="Write the texts of HASH into this new folder.")
@site_options
def command(site: Site, release: str | None, to: Path | None) -> None:
    """Lists the releases that the journal keeps, the youngest first. Needs no running bus.

    `open` counts the messages that finish under a release; `in force` names the nodes that have it.
    """
    if (release is None) != (to is None):
        raise click.UsageError("HASH and --to belong together")
    loaded = site.load()
    kept, switches, texts = asyncio.run(_read(site, loaded, release))
    if to is not None:
        _write(to, texts)
        return
    on_disk = digest_of(read_texts(site.folder))
    rows = [_row(loaded, one, switches, on_disk) for one in kept]
    if site.as_json:
        as_json(rows)
        return
    heads = ("release", "in_force", "open", "since", "by", "reason", "note")
    table([(row["release"][:_SHOWN], *(row[head] for head in heads[1:])) for row in rows], heads)


async def _read(site: Site, loaded: Loaded, named: str | None) -> tuple[Sequence[Release], Switches, dict[str, bytes]]:
    async with reading(site, loaded) as history:
        kept, switches = await history.releases(), await history.switches()
        return kept, switches, await _texts(history, kept, named) if named is not None else {}


async def _texts(history: History, kept: Sequence[Release], named: str) -> dict[str, bytes]:
    found = [one.digest for one in kept if one.digest.startswith(named)]
    if len(found) != 1:
        raise CannotRun(f"{len(found) or 'no'} releases begin with {named!r}", "hisbus releases lists them")
    rows = await history.reader.fetch(reads.RELEASE, found[0])
    return unpack(bytes(rows[0][0]))


def _row(loaded: Loaded, kept: Release, switches: Switches, on_disk: str) -> dict[str, Any]:
    mine = [one for one in switches.every if one.release == kept.digest]
    last = mine[-1] if mine else None
    withdrawn = switches.withdrawn(kept.digest)
    notes = ["on disk"] if kept.digest == on_disk else []
    notes += [f"left by rollback: {withdrawn.reason}"] if withdrawn is not None else []
    return {
        "release": kept.digest,
        "in_force": ", ".join(node for node, release in switches.in_force().items() if release == kept.digest),
        "open": kept.open,
        "since": local(loaded, last.at if last is not None else kept.at),
        "by": _by(last),
        "reason": last.reason if last is not None else "",
        "note": "; ".join(notes),
    }


def _by(switch: Switch | None) -> str:
    if switch is None:
        return ""
    how = switch.how.value
    return how if switch.who == how else f"{how} by {switch.who}"


def _write(folder: Path, texts: dict[str, bytes]) -> None:
    if folder.exists():
        raise CannotRun(f"{str(folder)!r} is there already", "name a folder that is not")
    for name, content in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    progress(f"{len(texts)} files in {folder}")
