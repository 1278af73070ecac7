"""Where a system's listener can be reached from here, and how it speaks."""

from contextlib import suppress

import click

from engine.base.where import did_you_mean
from engine.cli.running import ask
from engine.cli.say import CannotRun
from engine.cli.site import Site
from engine.settings import nodes
from engine.settings.layers import Loaded
from engine.settings.problems import Problems

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a listener on all addresses is reached


def reach(site: Site, loaded: Loaded, system: str) -> tuple[str, int]:
    """Host and port of a system's listener: what the running bus says, or what the settings say."""
    host, port = _listen(loaded, system)
    with suppress(CannotRun):
        said = ask(site, loaded, "status")["listeners"].get(system)
        if said is not None:
            host, _, real = said.rpartition("://")[2].rpartition(":")
            port = int(real)
    if not port:
        raise CannotRun(f"{system!r} listens on a free port", "start the bus: it says which")
    return _EVERYWHERE.get(host.strip("[]"), host.strip("[]")), port


def _listen(loaded: Loaded, system: str) -> tuple[str, int]:
    known = {name: one.listen for name, one in loaded.config.systems.items() if one.listen is not None}
    if system not in known:
        raise click.UsageError(f"no listener is called {system!r}; {did_you_mean(system, known)}")
    return known[system]


def adapter_of(site: Site, loaded: Loaded, system: str) -> str:
    """The adapter that a listener's profile names."""
    _listen(loaded, system)
    profile = loaded.config.systems[system].profile
    file = f"mappings/{profile}.yaml"
    problems = Problems()
    node = nodes.load(site.path(file), problems, file)
    adapter = node.get("adapter") if node is not None else None
    if adapter is None:
        raise CannotRun(f"the profile {profile!r} names no adapter", "hisbus check says what is wrong")
    return str(adapter.value)
