"""The check of a site: everything that a start would refuse, all at once (decision 30).

`hisbus check` and `hisbus run` come through here; there is no second opinion.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.app.offers import check_offers
from engine.app.systems import Surroundings
from engine.base.ids import Ids
from engine.base.where import Where
from engine.contract import Adapter, Link
from engine.model import Profile
from engine.routing.release import ROUTES, Release, build, profile_names, read_texts
from engine.routing.release import Site as ReleaseSite
from engine.sealing.seal import LoginOf, Seals
from engine.settings.calendar import load_calendar
from engine.settings.layers import Loaded, load_config
from engine.settings.models import Config
from engine.settings.problems import Problems
from engine.settings.routes import load_routes
from engine.settings.rules import check_rules
from engine.settings.secrets import Secrets, check_secrets
from engine.settings.systems import At, System

_LASTING = (
    *(("journal", key) for key in ("url", "login", "node", "reserve", "commit", "key", "day_keys")),
    ("journal", "keep", "keys"),
    ("control", "path"),
)
"""Settings that hold for the life of a bus."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A site without findings."""

    loaded: Loaded
    release: Release


def check(
    site: Path,
    environment: str | None,
    environ: Mapping[str, str],
    adapters: Mapping[str, Adapter],
    ids: Ids,
    problems: Problems,
) -> Checked | None:
    """Settings, secrets, texts, and what they say of each other. None where anything is wrong: see `problems`."""
    loaded = check_settings(site, environment, environ, problems)
    if loaded is None:
        return None
    secrets = Secrets(loaded.config.secrets, site, environ)
    around = Surroundings(site, loaded.config, secrets, adapters)
    texts = read_texts(site)
    release = build(texts, release_site(around, ids), problems)
    if release is not None:
        check_site(loaded, release, texts, adapters, problems)
    else:
        _check_profiles(loaded, profile_names(texts), problems)
    return Checked(loaded, release) if release is not None and not problems else None


def check_site(
    loaded: Loaded, release: Release, texts: Mapping[str, bytes], adapters: Mapping[str, Adapter], problems: Problems
) -> None:
    """What settings and a release say of each other: systems, addresses, names, what the channel offers."""
    check_systems(loaded, release, adapters, problems)
    written = load_routes(texts[ROUTES].decode("utf-8"), ROUTES, Problems())
    assert written is not None, "it was read for the release"
    check_offers(loaded, release, written, problems)


def check_lasting(running: Config, loaded: Loaded, problems: Problems) -> None:
    """Notes settings that a running bus cannot take over."""
    for path in _LASTING:
        now, then = running, loaded.config
        for key in path:
            now, then = getattr(now, key), getattr(then, key)
        if now != then:
            where = loaded.where(*path)
            problems.add(where, f"{'.'.join(path)} does not change while the bus runs", "restart it: hisbus run")


def check_settings(
    site: Path, environment: str | None, environ: Mapping[str, str], problems: Problems
) -> Loaded | None:
    """The settings with their rules and secrets; None where they cannot be read, or nobody said which are meant."""
    loaded = load_config(site, environment, environ, problems)
    if loaded is not None:
        if environment is None and not loaded.config.systems and _note_environments(site, problems):
            return None
        check_rules(loaded, site, problems)
        load_calendar(site, loaded.config.site.calendar, loaded.where("site", "calendar"), problems)
        check_secrets(loaded, Secrets(loaded.config.secrets, site, environ), problems)
    return loaded


def _note_environments(site: Path, problems: Problems) -> bool:
    """Whether there are environments to choose from. Who forgot to say which is meant hears of that alone, and not of
    every system that nobody knows.
    """
    known = [file.stem for file in sorted((site / "config").glob("*.yaml")) if "." not in file.stem]
    if others := [name for name in known if name != "default"]:
        problems.add(Where("config/default.yaml"), "no system is set", f"give --env or HISBUS_ENV: {', '.join(others)}")
    return bool(others)


def release_site(
    around: Surroundings, ids: Ids, login: LoginOf | None = None, *, enciphers: bool = True
) -> ReleaseSite:
    """What a release of this site is made for. `login`: who the bus is at a system, where that may change under the
    release; a scenario `enciphers` nothing.
    """
    config = around.config
    return ReleaseSite(
        {name: system.profile for name, system in config.systems.items()},
        around.adapters,
        config.site.zone,
        config.delivery.retry,
        Seals(login or around.login, ids, enciphers=enciphers),
        load_calendar(around.site, config.site.calendar, Where(""), Problems()),
    )


def check_systems(loaded: Loaded, release: Release, adapters: Mapping[str, Adapter], problems: Problems) -> None:
    """Notes systems whose settings do not fit their profile: no such profile, no address, nothing to listen on."""
    _check_profiles(loaded, release.library.profiles, problems)
    for name, system in loaded.config.systems.items():
        profile = release.library.profiles.get(system.profile)
        if profile is not None:
            _check_addresses(name, profile, loaded, adapters[profile.adapter], problems)
            _check_links(name, profile, loaded, adapters[profile.adapter], problems)
            _check_named(name, profile, loaded, problems)


def _check_profiles(loaded: Loaded, known: Iterable[str], problems: Problems) -> None:
    names = sorted(known)
    for name, system in loaded.config.systems.items():
        if system.profile not in names:
            problems.unknown(loaded.where("systems", name, "profile"), "the profile", system.profile, names)


def _check_addresses(name: str, profile: Profile, loaded: Loaded, adapter: Adapter, problems: Problems) -> None:
    system, where = loaded.config.systems[name], loaded.where("systems", name)
    places: list[System | At] = [system, *system.at.values()]
    called, heard = any(place.url for place in places), any(place.listen for place in places)
    if profile.outgoing and adapter.destination is not None and not called:
        problems.add(where, f"{name!r} is called but has no address", "write url: …")
    if any(not kind.asked for kind in profile.incoming.values()) and adapter.source is not None and not heard:
        problems.add(where, f"{name!r} sends but the bus listens nowhere for it", "write listen: 127.0.0.1:…")
    if heard and adapter.source is None:
        problems.add(where, f"{adapter.name} cannot listen", "leave 'listen' out")


def _check_links(name: str, profile: Profile, loaded: Loaded, adapter: Adapter, problems: Problems) -> None:
    """Notes addresses that the adapter cannot have, by making its ends: that opens nothing yet."""
    system = loaded.config.systems[name]
    places: list[tuple[tuple[str, ...], System | At]] = [
        ((), system),
        *((("at", c), at) for c, at in system.at.items()),
    ]
    for below, place in places:
        above = ("systems", name, *below)
        if place.url is not None and profile.outgoing and adapter.destination is not None:
            link = Link(name, profile.options, url=place.url)
            _check_link(adapter.destination, link, loaded.where(*above, "url"), problems)
        if place.listen is not None and adapter.source is not None:
            link = Link(name, profile.options, listen=place.listen)
            _check_link(adapter.source, link, loaded.where(*above, "listen"), problems)


def _check_link(make: Callable[[Link], object], link: Link, where: Where, problems: Problems) -> None:
    try:
        make(link)
    except ValueError as error:
        problems.add(where, str(error))
    except ImportError as error:
        problems.add(where, f"this needs {error.name}, which is not installed", "see pyproject.toml for its extra")


def _check_named(name: str, profile: Profile, loaded: Loaded, problems: Problems) -> None:
    """Notes names that the profile reads and the settings do not give, and the other way round."""
    system = loaded.config.systems[name]
    for given in [*system.settings, *(key for at in system.at.values() for key in at.settings)]:
        if given not in profile.settings:
            problems.unknown(
                loaded.where("systems", name, "settings", given), "the profile's name", given, profile.settings
            )
    campuses = loaded.config.site.campuses if system.url or system.listen else [*system.at]
    for wanted in profile.settings:
        without = [
            campus for campus in campuses
            if wanted not in system.settings and (campus not in system.at or wanted not in system.at[campus].settings)
        ]  # fmt: skip
        if without:
            what = f"profile {profile.name!r} reads ${wanted}, which {', '.join(without)} does not have"
            problems.add(loaded.where("systems", name), what, f"write settings: {{{wanted}: …}}")
