"""Releases: `routes.yaml` and `mappings/` as one checked whole, known by the hash of its bytes (decision 10).

The check happens when a release is made. The journal keeps a checked release under its hash, so that a start with
unchanged texts trusts it, and a message finds the texts that accepted it after a restart.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import orjson

from engine.base.clock import from_micros
from engine.base.errors import BusError, Code
from engine.contract import Adapter
from engine.formats import dotted
from engine.formats.hl7_versions import trusting
from engine.journal.interface import Journal
from engine.mapping.functions.kind import Setup
from engine.mapping.library import Library, is_profile, load_texts
from engine.mapping.shapes import ShapeSpec
from engine.mapping.shelf import SealFactory, stem
from engine.model import Context, Find, Profile, Shape
from engine.registry.systems import PROFILES as LOCAL
from engine.routing.compile import Surroundings, compile_routes
from engine.routing.compile_reads import compile_reads
from engine.routing.plan import Route
from engine.routing.reading import Readings
from engine.settings.calendar import Calendar
from engine.settings.problems import Problems, TextsRefused
from engine.settings.routes import load_routes
from engine.settings.systems import Retry

ROUTES = "routes.yaml"
MAPPINGS = "mappings"

Finder = Callable[[Any], Any]

_NONE: Mapping[str, str] = {}
_KEPT = 4
"""Former releases held in memory; others are compiled again when one of their messages has its turn."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a release is made for: who stands behind a system's name, and what the site says once for all."""

    systems: Mapping[str, str]
    """System to the name of its profile."""
    adapters: Mapping[str, Adapter] = field(compare=False)
    zone: ZoneInfo
    retry: Retry
    seals: SealFactory | None = field(default=None, compare=False)
    calendar: Calendar | None = None
    """Days off, where the settings name a calendar."""


@dataclass(frozen=True, slots=True)
class Release:
    """The texts of one hash, compiled."""

    digest: str
    library: Library
    routes: Mapping[str, Route]
    systems: Mapping[str, str]
    zone: ZoneInfo
    by_source: Mapping[tuple[str, str], Route] = field(default_factory=dict)
    readings: Readings = field(default_factory=dict)
    """The routes that only read."""
    finders: Mapping[str, tuple[tuple[str, Finder], ...]] = field(default_factory=dict)
    """Shape to (kind, reader) of what finds its messages again."""

    def profile(self, system: str) -> Profile:
        """How a system speaks. Raises BusError where the settings or the release no longer have it."""
        profile = LOCAL.get(system) or self.library.profiles.get(self.systems.get(system, ""))
        if profile is None:
            raise BusError(Code.INTERNAL, f"system {system} has no profile in this release")
        return profile

    def route_of(self, system: str, incoming: str) -> Route:
        """The route that takes what a system sent. Raises BusError(UNSUPPORTED_MESSAGE)."""
        route = self.by_source.get((system, incoming))
        if route is None:
            raise BusError(Code.UNSUPPORTED_MESSAGE, "no route takes this message")
        return route

    def shape(self, name: str) -> ShapeSpec:
        return self.library.shapes[name]

    def finds(self, shape: str, document: Shape) -> tuple[Find, ...]:
        """The values by which this message will be found again."""
        found = ((kind, read(document)) for kind, read in self.finders.get(shape, ()))
        return tuple(Find(kind, str(value)) for kind, value in found if value not in (None, ""))

    def context(self, received: int, message_id: str, campus: str, named: Mapping[str, str] = _NONE) -> Context:
        """What maps may know beside the document; `named` are the values of a system's own names."""
        when = from_micros(received).astimezone(self.zone)
        return Context(received=when, now=when, values={**named, "message_id": message_id, "campus": campus})


def read_texts(site: Path) -> dict[str, bytes]:
    """`routes.yaml` and everything below `mappings/`, by their names below the site's folder."""
    files = [site / ROUTES, *sorted(path for path in (site / MAPPINGS).rglob("*") if path.is_file())]
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in files if path.exists()}


def profile_names(texts: Mapping[str, bytes]) -> list[str]:
    """The profiles that texts hold, also those that cannot be compiled."""
    below = (name.removeprefix(MAPPINGS + "/") for name in texts if name.startswith(MAPPINGS + "/"))
    return [stem(file) for file in below if is_profile(file)]


def digest_of(texts: Mapping[str, bytes]) -> str:
    """The name of a release: SHA-256 over names and bytes, in order."""
    whole = hashlib.sha256()
    for name in sorted(texts):
        whole.update(f"{len(name)}:{name}{len(texts[name])}:".encode())
        whole.update(texts[name])
    return whole.hexdigest()


def build(texts: Mapping[str, bytes], site: Site, problems: Problems, *, trusted: bool = False) -> Release | None:
    """Compiles and checks a release; None where it cannot be used. `trusted`: it was checked before, under this
    hash, so paths are not looked up in the version tables of HL7 again.
    """
    prefix = MAPPINGS + "/"
    mappings = {name.removeprefix(prefix): text for name, text in texts.items() if name.startswith(prefix)}
    with trusting() if trusted else nullcontext():
        library = load_texts(mappings, site.adapters, problems, site.zone, site.seals)
    written = load_routes(texts.get(ROUTES, b"").decode("utf-8", "replace"), ROUTES, problems)
    if written is None:
        return None
    around = Surroundings(library, site.systems, site.retry, Setup(site.zone), site.calendar)
    routes = compile_routes(written, around, problems)
    readings = compile_reads(written, routes, around.outgoing, library.documents, problems)
    if problems:
        return None
    return Release(
        digest=digest_of(texts),
        library=library,
        routes=routes,
        systems=site.systems,
        zone=site.zone,
        readings=readings,
        by_source={source: route for route in routes.values() for source in route.sources},
        finders={name: _finders(spec) for name, spec in library.shapes.items()},
    )


def pack(texts: Mapping[str, bytes]) -> bytes:
    """A release as the journal keeps it: JSON, each file's bytes as characters of Latin-1."""
    return orjson.dumps({name: content.decode("latin-1") for name, content in texts.items()})


def unpack(content: bytes) -> dict[str, bytes]:
    """The texts of a release that the journal kept."""
    return {name: text.encode("latin-1") for name, text in orjson.loads(content).items()}


Check: TypeAlias = Callable[[Release, Problems], None]
"""Notes what a release and the settings say differently of each other."""


class Releases:
    """The release in force, and those that messages under way still need."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._in_force: tuple[Release, Site] | None = None
        self._known: OrderedDict[str, Release] = OrderedDict()
        """Former ones, the one used last at the end."""
        self._building = asyncio.Lock()
        self.number = 0
        """How often one was put in force: what was answered before is not given again as an answer of now."""

    @property
    def current(self) -> Release:
        """The release that new messages are accepted under."""
        assert self._in_force is not None, "a release is made before anything listens"
        return self._in_force[0]

    @property
    def zone(self) -> ZoneInfo:
        return self.current.zone

    async def made(self, texts: Mapping[str, bytes], site: Site, check: Check) -> Release:
        """These texts compiled for a site, beside the loop; nothing is changed yet. `check` notes what does not fit the
        site's settings. Raises TextsRefused with every finding.
        """
        trusted = await self._journal.release(digest_of(texts)) is not None
        return await asyncio.to_thread(_checked, texts, site, check, trusted=trusted)

    def enforce(self, release: Release, site: Site) -> bool:
        """New messages are accepted under this release from now on. Gives whether messages in hand are to be read
        again, as after a restart: the settings say something else of systems, or of the site.
        """
        before, self._in_force = self._in_force, (release, site)
        self.number += 1
        if before is None:
            return False
        if before[1] != site:
            self._known.clear()
            return True
        self._keep(before[0])
        return False

    async def get(self, digest: str) -> Release:
        """A release that the journal keeps, for the site as it is now. Raises BusError where it is not there."""
        async with self._building:
            if self._in_force is not None and self.current.digest == digest:
                return self.current
            while digest not in self._known:
                number, built = self.number, await self._built(digest)
                if number == self.number:  # else it was made for a site that may be another by now
                    self._keep(built)
            self._known.move_to_end(digest)
            return self._known[digest]

    async def _built(self, digest: str) -> Release:
        content = await self._journal.release(digest)
        if content is None:
            raise BusError(Code.INTERNAL, "the message's release is not in the journal")
        assert self._in_force is not None, "messages are read once a release is in force"
        built = await asyncio.to_thread(build, unpack(content), self._in_force[1], Problems(), trusted=True)
        if built is None:
            raise BusError(Code.INTERNAL, "the message's release no longer fits the settings")
        return built

    def _keep(self, release: Release) -> None:
        self._known[release.digest] = release
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


def _checked(texts: Mapping[str, bytes], site: Site, check: Check, *, trusted: bool) -> Release:
    problems = Problems()
    release = build(texts, site, problems, trusted=trusted)
    if release is not None:
        check(release, problems)
    if release is None or problems:
        raise TextsRefused(problems)
    return release


def _finders(shape: ShapeSpec) -> tuple[tuple[str, Finder], ...]:
    found = []
    for kind, path in shape.find.items():
        code = dotted.read(path)
        source = "lambda d: " + code.code.replace("{d}", "d")
        found.append((kind, eval(source, dict(code.names))))  # noqa: S307 - our own compiled path
    return tuple(found)
