"""`hisbus journal init|verify|upgrade|prune|backup|restore|export`: looking after the journal."""

import asyncio
import os
import secrets
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import BinaryIO

import click

from engine.app.journal import keep_of
from engine.base.clock import SystemClock
from engine.base.errors import Exit
from engine.base.ids import SystemIds
from engine.cli.book import place_of, reading
from engine.cli.running import NoBus, ask
from engine.cli.say import CannotRun, as_json, progress
from engine.cli.site import Site, site_options
from engine.journal import export as clear
from engine.journal.backup import back_up, back_up_keys, restore, restore_keys
from engine.journal.errors import JournalError, Locked
from engine.journal.group import GroupJournal
from engine.journal.migrate import STEPS
from engine.journal.open import open_journal
from engine.journal.retention import prune
from engine.journal.upgrade import upgrade
from engine.journal.upkeep import Verified, verify
from engine.settings.layers import Loaded


@click.group("journal")
def command() -> None:
    """Looks after the journal: its schema, its soundness, its size, its copies."""


@command.command("init")
@click.option("--make-key", is_flag=True, help="Make the key's file where no place has it yet.")
@site_options
def init(site: Site, make_key: bool) -> None:
    """Makes the journal where there is none. A running bus is not disturbed: it is refused."""
    loaded = site.load()
    if make_key:
        _make_key(site, loaded)
    asyncio.run(_open_once(site, loaded))
    if site.as_json:
        as_json({"journal": loaded.config.journal.url, "ready": True})
    else:
        click.echo(f"ready: {loaded.config.journal.url}")


@command.command("verify")
@site_options
def verify_(site: Site) -> None:
    """Checks the file and every invariant, opens every message; exit code 1 when something is broken. Needs no bus."""
    found = asyncio.run(_verify(site, site.load()))
    if site.as_json:
        as_json(
            {
                "sound": found.sound,
                "messages": found.messages,
                "damage": found.damage,
                "broken": found.broken,
                "unreadable": found.unreadable,
                "gone": found.gone,
                "records": found.records,
                "unreadable_records": found.lost,
                "audit": {
                    "broken": found.audit,
                    "chains": {
                        node: {"first": one.first, "last": one.last, "head": one.head.hex()}
                        for node, one in found.chains.items()
                    },
                },
            }
        )
    else:
        for words in found.damage:
            click.echo(f"damaged: {words}")
        for words, numbers in found.broken.items():
            click.echo(f"broken: {words}: messages {', '.join(map(str, numbers))}")
        if found.unreadable:
            click.echo(f"unreadable: messages {', '.join(map(str, found.unreadable))}")
        for kind, count in found.lost.items():
            click.echo(f"unreadable: {count} records of {kind}")
        if found.audit:
            click.echo(f"audit broken: rows {', '.join(map(str, found.audit))}")
        for node, chain in found.chains.items():
            click.echo(f"audit of {node}: {chain.first} to {chain.last}, head {chain.head.hex()}")
        gone = f", {found.gone} of days whose key was deleted" if found.gone else ""
        click.echo(f"{'sound' if found.sound else 'not sound'}: {found.messages} messages{gone}")
    raise SystemExit(Exit.FINE.value if found.sound else Exit.FINDINGS.value)


@command.command("prune")
@site_options
def prune_(site: Site) -> None:
    """Removes what is older than journal.keep says. A running bus does it itself, while it goes on."""
    loaded = site.load()
    try:
        progress("asking the running bus")
        gone = ask(site, loaded, "prune")
    except NoBus:
        progress("no bus is running: pruning here")
        gone = asyncio.run(_prune(site, loaded))
    if site.as_json:
        as_json(gone)
    else:
        click.echo(", ".join(f"{kind}: {count}" for kind, count in gone.items()))


@command.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), help="Copy the wrapped day keys too, into this other folder.")
@site_options
def backup(site: Site, target: Path, keys: Path | None) -> None:
    """Copies the journal to TARGET while a bus may run on it. Day keys are copied apart: --keys.

    TARGET is a new file, or a new folder for PostgreSQL. A day whose key is deleted is gone from backups too.
    """
    loaded = site.load()
    copied = asyncio.run(_backup(site, loaded, target, keys))
    if site.as_json:
        as_json({"journal": str(target), "keys": str(keys) if keys else None, "new_keys": copied})
    else:
        click.echo(f"copied to {target}" + (f", {copied} new keys to {keys}" if keys else "; keys not copied"))


@command.command("restore")
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--keys", type=click.Path(path_type=Path, exists=True, file_okay=False), help="The day keys' copies.")
@site_options
def restore_(site: Site, source: Path, keys: Path | None) -> None:
    """Puts a backup back, where no journal is yet. Without its day keys nothing in it can be read.

    What was open in it may have been done since: it is in doubt, asked about, and a person's turn where it cannot be.
    A former program's backup is brought to today's schema.
    """
    loaded = site.load()
    put = asyncio.run(_restore(site, loaded, source, keys))
    if site.as_json:
        as_json({"journal": loaded.config.journal.url, "keys": put})
    else:
        click.echo(f"restored {loaded.config.journal.url}, {put} keys" + ("" if keys else ": the keys were not named"))
        progress("what was open in it is asked about before it is sent; what cannot be asked is parked: hisbus list")


@command.command("upgrade")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), help="Copy the wrapped day keys too, into this other folder.")
@site_options
def upgrade_(site: Site, target: Path, keys: Path | None) -> None:
    """Brings a former program's journal to this one's schema, after a backup to TARGET. No bus may run on it.

    The way back: the former program, and TARGET restored by it; what was accepted meanwhile is not in it.
    """
    loaded = site.load()
    before = asyncio.run(_upgrade(site, loaded, target, keys))
    if site.as_json:
        as_json({"journal": loaded.config.journal.url, "from": before, "to": len(STEPS)})
    elif before == len(STEPS):
        click.echo(f"schema {before}: nothing to do")
    else:
        click.echo(f"schema {before} to {len(STEPS)}; as it was: {target}")


@command.command("export")
@click.argument("id", required=False)
@click.option("--day", metavar="DATE", help="All messages received on a day (UTC), like 2026-11-20.")
@click.option("--audit", is_flag=True, help="Instead of messages: what channel applications asked on that day.")
@click.option("--records", is_flag=True, help="Instead of messages: what the bus itself holds, bindings and grants.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="A file of its own; else standard output.")
@site_options
def export(site: Site, id: str | None, day: str | None, audit: bool, records: bool, to: Path | None) -> None:  # noqa: A002 - the argument's name
    """Writes message ID, or a whole --day, in clear text as JSON lines. What it holds is patients' data."""
    if sum((id is not None, day is not None, records)) != 1 or (audit and day is None):
        raise click.UsageError("name a message, or give --day or --records")
    count = asyncio.run(_export(site, site.load(), id, day, audit, to))
    what = "call" if audit else "record" if records else "message"
    progress(f"{count} {what}{'s' if count != 1 else ''}{'' if audit else ' in clear text'}")


def _make_key(site: Site, loaded: Loaded) -> None:
    name = loaded.config.journal.key.secret
    if site.secrets(loaded).has(name):
        progress(f"the secret {name!r} is there already: it stays")
        return
    folder = next((source.files for source in loaded.config.secrets if source.files is not None), None)
    if folder is None:
        raise CannotRun("the settings name no folder for secrets", "add {files: var/secrets} to secrets:")
    path = site.path(folder) / name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32))
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {type(error).__name__}") from error
    progress(f"made {path}: back it up, apart from the journal; without it nothing in the journal can be read")


async def _open(site: Site, loaded: Loaded) -> GroupJournal:
    """The journal for writing; a second writer is refused."""
    place = await place_of(site, loaded)
    try:
        return await open_journal(place.url, place.ring, SystemClock(), SystemIds(), settings=place.settings)
    except Locked as error:
        raise CannotRun(str(error)) from error
    except (JournalError, OSError) as error:
        raise CannotRun(str(error), "nothing was changed") from error


async def _open_once(site: Site, loaded: Loaded) -> None:
    await (await _open(site, loaded)).close()


async def _prune(site: Site, loaded: Loaded) -> dict[str, int]:
    journal = await _open(site, loaded)
    try:
        kept = loaded.config.journal.keep
        pruned = await prune(journal, keep_of(kept), SystemClock(), lambda kind, count: progress(f"{kind}: {count}"))
    finally:
        await journal.close()
    return asdict(pruned)


async def _backup(site: Site, loaded: Loaded, target: Path, keys: Path | None) -> int:
    place = await place_of(site, loaded)
    try:
        await back_up(place.url, target, lambda table: progress(f"{table} copied"))
        return await back_up_keys(place.url, place.ring, place.settings.keys, keys) if keys is not None else 0
    except (JournalError, OSError, sqlite3.Error) as error:
        raise CannotRun(f"{target}: {error}", "its folder must be there, with room for the copy") from error


async def _restore(site: Site, loaded: Loaded, source: Path, keys: Path | None) -> int:
    place = await place_of(site, loaded)
    try:
        await restore(place.url, source, SystemClock(), lambda table: progress(f"{table} copied"))
        return await restore_keys(place.url, place.settings.keys, keys) if keys is not None else 0
    except (JournalError, OSError, sqlite3.Error) as error:
        raise CannotRun(str(error), "nothing was started") from error


async def _upgrade(site: Site, loaded: Loaded, target: Path, keys: Path | None) -> int:
    place = await place_of(site, loaded)
    try:
        if keys is not None:
            await back_up_keys(place.url, place.ring, place.settings.keys, keys)
        return await upgrade(place.url, target, lambda table: progress(f"{table} copied"))
    except (JournalError, OSError, sqlite3.Error) as error:
        raise CannotRun(str(error), "nothing was changed") from error


async def _verify(site: Site, loaded: Loaded) -> Verified:
    async with reading(site, loaded) as history:
        return await verify(history, lambda done, of_all: progress(f"{done} of {of_all} messages"))


async def _export(site: Site, loaded: Loaded, id_: str | None, day: str | None, audit: bool, to: Path | None) -> int:
    count, of_day = 0, clear.export_audit if audit else clear.export_day
    async with reading(site, loaded) as history:
        whole = clear.export_records(history) if id_ is None else None
        lines = of_day(history, _day(day)) if day is not None else whole
        with _private(to) as out:
            if lines is None:
                line = await clear.export_message(history, str(id_))
                if line is None:
                    raise CannotRun(f"there is no message {id_!r}", "hisbus list shows those there are")
                out.write(line + b"\n")
                return 1
            async for line in lines:
                out.write(line + b"\n")
                count += 1
                if count % 1000 == 0:
                    progress(f"{count} lines")
    return count


def _day(text: str) -> int:
    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days
    except ValueError as error:
        raise click.UsageError(f"{text!r} is no day; write 2026-11-20") from error


@contextmanager
def _private(to: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a new file for its owner only."""
    if to is None:
        yield sys.stdout.buffer
        return
    try:
        handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CannotRun(f"{to} cannot be made: {type(error).__name__}") from error
    with os.fdopen(handle, "wb") as file:
        yield file
