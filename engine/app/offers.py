"""What the channel offers, checked against the routes and shapes behind it."""

from collections.abc import Mapping

from engine.base.where import did_you_mean
from engine.channel.check import Ends, check_contracts, check_scopes
from engine.channel.contracts import Contracts, load_contracts
from engine.routing.plan import Route, Step
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
        _check_kept(contracts, release, written, problems)
        check_scopes(contracts, loaded, name, problems)
    if channels:
        _check_served(release.routes, offered, written, problems)


def _ends(contracts: Contracts, release: Release) -> dict[str, Ends]:
    documents = release.library.documents
    found: dict[str, Ends] = {}
    for name in contracts.operations:
        route = release.routes.get(name)
        if route is not None:
            answer = _answer(name, route, release)
            gives = release.profile(answer.system).outgoing[answer.operation].gives if answer else None
            found[name] = Ends(documents.get(route.shape), documents.get(gives or ""))
    return found


def _answer(name: str, route: Route, release: Release) -> Step | None:
    """The step whose reply is the answer; None where there is none."""
    if name in release.readings:
        return release.readings[name].answer
    answering = route.answer
    step = route.step(answering.step) if answering is not None and answering.step is not None else None
    return None if step is None or step.makes is not None else step


def _check_kept(contracts: Contracts, release: Release, written: RoutesText, problems: Problems) -> None:
    """What is about one patient is not kept for later: it is his, and out of date with his next call."""
    for name, contract in contracts.operations.items():
        reading = release.readings.get(name)
        if reading is not None and reading.keep is not None and contract.text.subject:
            what = f"what {name!r} answers is about one patient and cannot be kept"
            problems.add(
                written.where("routes", name, "cache"), what, "leave 'cache' out: equal calls share one anyway"
            )


def _check_served(routes: Mapping[str, Route], offered: set[str], written: RoutesText, problems: Problems) -> None:
    for name, route in routes.items():
        if "." in name and not route.sources and name not in offered:
            what = f"the route {name!r} serves an operation that no contract offers"
            problems.add(written.where("routes", name), what, did_you_mean(name, offered))
