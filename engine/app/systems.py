"""From settings and profiles to things that can be called and listened to: links, destinations, sources."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from engine.contract import Adapter, Link, Login, Source, Tls, Unavailable
from engine.delivery.hours import Hours
from engine.delivery.wire import SystemRuntime
from engine.model import Profile
from engine.settings.models import Config
from engine.settings.secrets import SecretMissing, Secrets
from engine.settings.systems import At, System, TlsFiles

_SQLITE = "sqlite:///"

OPS = "ops"
"""What the listener of `ops.listen` is called beside those of systems."""


@dataclass(frozen=True, slots=True)
class Post:
    """A place at which the bus listens, and all that its listener goes by: an equal one is the same."""

    system: str
    campus: str | None
    """None: the system's own."""
    adapter: str
    link: Link
    proof: tuple[bytes, ...]
    """What its TLS files held."""
    make: Callable[[Link], Source] = field(compare=False)

    @property
    def name(self) -> str:
        """As people call it."""
        return self.system if self.campus is None else f"{self.system}@{self.campus}"

    @property
    def setting(self) -> tuple[str, ...]:
        """The place of its address in the settings."""
        if self.system == OPS:
            return "ops", "listen"
        return "systems", self.system, *(() if self.campus is None else ("at", self.campus)), "listen"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The systems of one site, as its settings have them now."""

    site: Path
    config: Config
    secrets: Secrets
    adapters: Mapping[str, Adapter]

    def login(self, system: str, campus: str | None) -> Login:
        """Who the bus is at a system, opened now. Raises Unavailable where the secret is nowhere."""
        settings = self.config.systems[system]
        at = settings.at.get(campus or "")
        login = (at.login if at else None) or settings.login
        if login is None:
            raise Unavailable("no_login")
        try:
            return Login(login.user, self.secrets.open(login.password.secret))
        except SecretMissing:
            raise Unavailable("secret_missing") from None

    def named(self, system: str, campus: str) -> Mapping[str, str]:
        """The values of the names that the system's profile reads as `$name`, at a campus."""
        settings = self.config.systems.get(system)
        if settings is None:  # one of the bus's own
            return {}
        at = settings.at.get(campus)
        return {**settings.settings, **at.settings} if at else settings.settings

    def runtime(self, name: str, profile: Profile) -> SystemRuntime:
        """A system that can be called, at every campus that has one of its own."""
        settings, adapter = self.config.systems[name], self.adapters[profile.adapter]
        assert adapter.destination is not None, "the check refuses calls to an adapter that only listens"
        links = {campus: self._link(name, profile, campus) for campus in self._places(settings)}
        feed = adapter.feed if any(kind.feed is not None for kind in profile.incoming.values()) else None
        breaker = self.config.breaker(name)
        return SystemRuntime(
            name,
            profile,
            {campus: adapter.destination(link) for campus, link in links.items()},
            self.config.limits(name),
            Hours(settings.closed, self.config.site.zone),
            breaker.after,
            breaker.pause,
            self.config.pace(name),
            adapter.blocking,
            adapter.address,
            {campus: link.url for campus, link in links.items() if link.url},
            {campus: feed(link) for campus, link in links.items()} if feed is not None else {},
        )

    def fed(self, name: str) -> Sequence[str]:
        """The campuses at which a system's feeds are read: each that has a place of its own, and for the place of all
        others the first of them.
        """
        own = [campus for campus in self._places(self.config.systems[name]) if campus is not None]
        others = [campus for campus in self.config.site.campuses if campus not in own]
        return [*own, *others[:1]] if self.config.systems[name].url is not None else own

    def bearing(self, name: str, profile: Profile) -> tuple[object, ...]:
        """All that a system is called by; where it is equal, links and what is known of the system stay as they are."""
        settings, config = self.config.systems[name], self.config
        links = [self._link(name, profile, campus) for campus in self._places(settings)]
        proofs = [_proof(link.tls) for link in links]
        fed = any(kind.feed is not None for kind in profile.incoming.values())
        limits, hours = config.limits(name), (settings.closed, config.site.timezone)
        return profile.adapter, links, proofs, fed, limits, hours, config.breaker(name), config.pace(name)

    def posts(self, profile_of: Callable[[str], Profile]) -> Iterator["Post"]:
        """Everywhere that the bus listens, for systems and for its own pages."""
        for name, settings in self.config.systems.items():
            profile = profile_of(name)
            make = self.adapters[profile.adapter].source
            for campus in [None, *settings.at]:
                at = settings.at.get(campus or "")
                if (at.listen if at else settings.listen) is None or make is None:
                    continue
                link = self._link(name, profile, campus)
                yield Post(name, campus, profile.adapter, link, _proof(link.tls), make)
        if self.config.ops.listen is not None:
            listens = [(adapter.name, adapter.source) for adapter in self.adapters.values() if adapter.address]
            kind, make = next((kind, made) for kind, made in listens if made is not None)
            yield Post(OPS, None, kind, Link(OPS, None, listen=self.config.ops.listen), (), make)

    def _places(self, settings: System) -> list[str | None]:
        own: list[str | None] = [campus for campus, at in settings.at.items() if at.url is not None]
        return [None, *own] if settings.url is not None or not own else own

    def _link(self, name: str, profile: Profile, campus: str | None) -> Link:
        settings = self.config.systems[name]
        at = settings.at.get(campus or "") or At()
        url = at.url or settings.url
        tls = at.tls or settings.tls
        has_login = (at.login or settings.login) is not None
        return Link(
            system=name,
            options=profile.options,
            operations={operation.name: operation.options for operation in profile.outgoing.values()},
            campus=campus,
            url=_below(self.site, url) if url else None,
            listen=at.listen if campus else settings.listen,
            login=self.login(name, campus) if has_login else None,
            tls=_tls(self.site, tls) if tls else None,
            limits=self.config.limits(name, campus),
            allow=tuple(settings.allow),
            create=settings.create,
            folder=str(self.site / "mappings" / Path(profile.name).parent),
        )


def _below(site: Path, url: str) -> str:
    """A database file of the site is below its folder, wherever the bus was started."""
    if not url.startswith(_SQLITE):
        return url
    return _SQLITE + str((site / url.removeprefix(_SQLITE)).resolve())


def _proof(tls: Tls | None) -> tuple[bytes, ...]:
    """What the files of TLS hold now: a certificate is renewed under its old name. A file that cannot be read is a
    finding elsewhere.
    """
    files = (tls.ca, tls.cert, tls.key) if tls is not None else ()
    return tuple(sha256(Path(file).read_bytes()).digest() for file in files if file and Path(file).is_file())


def _tls(site: Path, files: TlsFiles) -> Tls:
    def path(name: str | None) -> str | None:
        return str(site / name) if name else None

    return Tls(path(files.ca), path(files.cert), path(files.key), files.verify)
