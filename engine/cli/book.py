"""Reading the journal of a site, with or without a running bus: nothing here writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import click

from engine.app.journal import JournalPlace, journal_place
from engine.base import log
from engine.base.clock import from_micros, to_micros
from engine.cli.say import CannotRun
from engine.cli.site import Site
from engine.journal import reads
from engine.journal.errors import Damaged, JournalError, Newer, Older
from engine.journal.history import History, Line, open_history
from engine.routing.release import ROUTES, unpack
from engine.settings.keys import KeysUnavailable
from engine.settings.layers import Loaded
from engine.settings.problems import Problems
from engine.settings.routes import load_routes
from engine.settings.secrets import SecretMissing


async def place_of(site: Site, loaded: Loaded) -> JournalPlace:
    """Where the journal lies. Raises CannotRun where its secrets are nowhere."""
    log.set_up("warning")  # what a bus logs as it opens a journal is no answer to who asked
    try:
        return await journal_place(site.folder, loaded.config, site.secrets(loaded))
    except (SecretMissing, KeysUnavailable) as error:
        raise CannotRun(str(error)) from error


@asynccontextmanager
async def reading(site: Site, loaded: Loaded) -> AsyncIterator[History]:
    """The journal, for reading. Raises CannotRun where there is none, or its key is another one."""
    place = await place_of(site, loaded)
    try:
        history = await open_history(place.url, place.ring, place.settings.keys)
        try:
            yield history
        finally:
            await history.close()
    except (Damaged, Newer, Older) as error:
        raise CannotRun(str(error)) from error
    except JournalError as error:
        raise CannotRun(str(error), "hisbus run, or hisbus journal init, makes one") from error


class StepNames:
    """The names of steps: the journal knows their numbers, the release that accepted a message their names."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: dict[str, dict[str, list[str]]] = {}

    async def of(self, line: Line, release: str) -> dict[int, str]:
        """Number to name for the steps of a message."""
        if release not in self._known:
            self._known[release] = await self._read(release)
        names = self._known[release].get(line.route, [])
        return {step.step: names[step.step] if step.step < len(names) else str(step.step) for step in line.steps}

    async def _read(self, release: str) -> dict[str, list[str]]:
        rows = await self._history.reader.fetch(reads.RELEASE, release)
        text = unpack(bytes(rows[0][0])).get(ROUTES, b"") if rows else b""
        routes = load_routes(text.decode("utf-8", "replace"), ROUTES, Problems())
        if routes is None:
            return {}
        return {name: route.step_names() for name, route in routes.routes.items()}


def local(loaded: Loaded, instant: int | None) -> str:
    """An instant in the site's zone, for people."""
    if not instant:
        return ""
    return from_micros(instant).astimezone(loaded.config.site.zone).isoformat(" ", "milliseconds")


def instant(loaded: Loaded, text: str) -> int:
    """`2026-11-20` or `2026-11-20T09:30` in the site's zone, as an instant."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is no time; write 2026-11-20 or 2026-11-20T09:30") from error
    return to_micros(when if when.tzinfo is not None else when.replace(tzinfo=loaded.config.site.zone))
