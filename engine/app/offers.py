"""What the channel offers, checked against the routes and shapes behind it."""

from collections.abc import Mapping

from engine.base.where import did_you_mean
from engine.channel.check import Ends, check_contracts, check_scopes
from engine.channel.contracts import Contracts, load_contracts
from engine.routing.plan import Route
from engine.routing.release import Release
from engine.settings.layers import Loaded
from engine.settings.problems import Problems
from engine.settings.routes import RoutesText


def contracts_of(release: Release, profile: str, problems: Problems) -> Contracts | None:
    """The contracts in a profile of this release; None and findings where they cannot be used."""
    return load_contracts(profile, release.library.texts, problems)


def check_offers(loaded: Loaded, release: Release, written: RoutesText, problems: Problems) -> None:
    """Notes what contracts, routes, shapes and clients say differently of each other."""
    offered: set[str] = set()
    channels = {name: system for name, system in loaded.config.systems.items() if system.clients}
    for name, system in channels.items():
        known = system.profile in release.library.profiles
        contracts = contracts_of(release, system.profile, problems) if known else None
        if contracts is None:
            return  # a finding already: what it would have offered is not known
        offered |= set(contracts.operations)
        check_contracts(contracts, _ends(contracts, release), problems)
        check_scopes(contracts, loaded, name, problems)
    if channels:
        _check_served(release.routes, offered, written, problems)


def _ends(contracts: Contracts, release: Release) -> dict[str, Ends]:
    documents = release.library.documents
    found: dict[str, Ends] = {}
    for name in contracts.operations:
        route = release.routes.get(name)
        if route is not None:
            found[name] = Ends(documents.get(route.shape), documents.get(_gives(route, release)))
    return found


def _gives(route: Route, release: Release) -> str:
    """The shape of an answer: the reply of the step whose end a caller hears; nothing where it is `accepted`."""
    if route.answer is not None and route.answer.step is None:
        return ""
    step = route.steps[-1 if route.answer is None else route.answer.step]
    if step.makes is not None:
        return ""
    return release.profile(step.system).outgoing[step.operation].gives or ""


def _check_served(routes: Mapping[str, Route], offered: set[str], written: RoutesText, problems: Problems) -> None:
    for name, route in routes.items():
        if "." in name and not route.sources and name not in offered:
            what = f"the route {name!r} serves an operation that no contract offers"
            problems.add(written.where("routes", name), what, did_you_mean(name, offered))
