"""The channel of a site, for the verbs that call it or describe its operations."""

from engine.channel.contracts import Contracts, load_contracts
from engine.cli.say import CannotRun, refuse
from engine.cli.site import Site
from engine.routing.release import MAPPINGS, read_texts
from engine.settings.layers import Loaded
from engine.settings.problems import Problems


def channel_of(loaded: Loaded) -> str:
    """The system that channel applications call. Raises CannotRun where the site has none."""
    for name, system in loaded.config.systems.items():
        if system.clients:
            return name
    raise CannotRun("no system has clients", "write clients: under the channel in config/")


def contracts_of(site: Site, loaded: Loaded, system: str) -> Contracts:
    """What it offers; findings end the verb."""
    problems = Problems()
    texts = {name.removeprefix(f"{MAPPINGS}/"): text for name, text in read_texts(site.folder).items()}
    profile = loaded.config.systems[system].profile
    if f"{profile}.yaml" not in texts:
        raise CannotRun(f"{MAPPINGS}/{profile}.yaml cannot be read")
    contracts = load_contracts(profile, texts, problems)
    if contracts is None:
        refuse(list(problems), site.as_json)
    return contracts
