"""What settings must keep to beyond their models: campuses that exist, and the rules of production."""

from pathlib import Path
from urllib.parse import urlsplit

from engine.settings import nodes
from engine.settings.layers import Loaded
from engine.settings.problems import Problems
from engine.settings.systems import At, System

PRODUCTION = "production"
OURS = frozenset({"route", "amends", "registry", "rules"})
"""Names by which routes mean no system around the bus."""
_SANDBOX_PORTS = range(9000, 9100)
_LOOPBACK = ("localhost", "127.", "::1", "[::1]")


def check_rules(loaded: Loaded, site: Path, problems: Problems) -> None:
    """Notes what a start would refuse. `site` is read for the addresses of its `config/sandbox.yaml`."""
    for name in OURS & loaded.config.systems.keys():
        problems.add(
            loaded.where("systems", name), f"{name!r} is the bus itself in routes", "name the system otherwise"
        )
    for name, system in loaded.config.systems.items():
        _check_campuses(name, system, loaded, problems)
    for block, at in (("registry", loaded.config.registry.at), ("rules", loaded.config.rules.at)):
        for campus in at.keys() - set(loaded.config.site.campuses):
            where = loaded.where(block, "at", campus)
            problems.unknown(where, "the campus", campus, loaded.config.site.campuses)
    if loaded.config.site.environment == PRODUCTION:
        sandbox = _sandbox_addresses(site)
        for name, system in loaded.config.systems.items():
            _check_production(name, system, loaded, sandbox, problems)


def _check_campuses(name: str, system: System, loaded: Loaded, problems: Problems) -> None:
    known = loaded.config.site.campuses
    for campus in system.at:
        if campus not in known:
            problems.unknown(loaded.where("systems", name, "at", campus), "the campus", campus, known)
    for app, client in system.clients.items():
        for place, campus in enumerate(client.campuses):
            if campus not in known:
                where = loaded.where("systems", name, "clients", app, "campuses", place)
                problems.unknown(where, "the campus", campus, known)


def _check_production(name: str, system: System, loaded: Loaded, sandbox: frozenset[str], problems: Problems) -> None:
    trained = [word for word in system.accept_processing_ids if word != "P"]
    if trained:
        where = loaded.where("systems", name, "accept_processing_ids")
        what = f"production takes no test messages (MSH-11 {', '.join(trained)})"
        problems.add(where, what, "accept_processing_ids: [P]")
    parts: list[tuple[tuple[str, ...], System | At]] = [((), system)]
    parts += [(("at", campus), at) for campus, at in system.at.items()]
    for path, part in parts:
        here = ("systems", name, *path)
        if _is_sandbox(part, sandbox):
            where = loaded.where(*here, "url")
            problems.add(where, "production does not call the simulated hospital", "write the real address")
        if part.tls is not None and not part.tls.verify:
            where = loaded.where(*here, "tls", "verify")
            problems.add(where, "production checks certificates", "name the authority under tls: {ca: …}")


def _is_sandbox(part: System | At, sandbox: frozenset[str]) -> bool:
    return part.url is not None and ((address := _address(part.url)) in sandbox or _is_near(address))


def _is_near(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return host.startswith(_LOOPBACK) and port.isdigit() and int(port) in _SANDBOX_PORTS


def _address(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower() or url


def _sandbox_addresses(site: Path) -> frozenset[str]:
    file = site / "config/sandbox.yaml"
    node = nodes.load(file, Problems()) if file.exists() else None
    systems = node.get("systems") if node is not None else None
    urls = [system.get("url") for _, system in systems.items()] if systems is not None else []
    return frozenset(_address(str(url.value)) for url in urls if url is not None)
