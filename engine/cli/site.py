"""Which site a verb works on, and the options that say it: `--site`, `--env`, `--json`."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from engine.cli.say import CannotRun, refuse
from engine.contract import Adapter
from engine.settings.layers import Loaded, load_config
from engine.settings.problems import Problems
from engine.settings.secrets import Secrets

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Site:
    """A site's folder and the environment whose settings are read."""

    folder: Path
    environment: str | None
    as_json: bool = False

    def require(self) -> None:
        """Raises CannotRun where the folder is no site."""
        if not (self.folder / "routes.yaml").exists() and not (self.folder / "config").exists():
            hint = "give --site, or set HISBUS_SITE, or change to the site's folder"
            raise CannotRun(f"{str(self.folder)!r} is no site: it has neither routes.yaml nor config/", hint)

    def load(self) -> Loaded:
        """The settings; findings are printed and end the verb."""
        self.require()
        problems = Problems()
        loaded = load_config(self.folder, self.environment, os.environ, problems)
        if loaded is None:
            refuse(list(problems), self.as_json)
        return loaded

    def secrets(self, loaded: Loaded) -> Secrets:
        """The site's secrets, opened when they are used."""
        return Secrets(loaded.config.secrets, self.folder)

    def path(self, written: str) -> Path:
        """A file of the settings: below the site's folder unless it says otherwise."""
        return self.folder / written


class Adapters(Mapping[str, Adapter]):
    """The adapters by name. The engine imports none: they are found, and each is loaded when it is used."""

    def __init__(self) -> None:
        self._found = import_module("adapters")

    def __getitem__(self, name: str) -> Adapter:
        adapter: Adapter = self._found.load(name)
        return adapter

    def __iter__(self) -> Iterator[str]:
        return iter(self._found.NAMES)

    def __len__(self) -> int:
        return len(self._found.NAMES)

    def __contains__(self, name: object) -> bool:
        return name in self._found.NAMES


def site_options(verb: F) -> F:
    """Adds `--site`, `--env` and `--json`; the verb gets `site: Site` and reads `site.as_json`."""

    def with_site(*, folder: str, environment: str | None, as_json: bool, **rest: Any) -> Any:
        return verb(site=Site(Path(folder), environment or None, as_json), **rest)

    with_site.__doc__ = verb.__doc__
    with_site.__name__ = verb.__name__
    with_site.__click_params__ = list(getattr(verb, "__click_params__", []))  # type: ignore[attr-defined]
    options = [
        click.option("--site", "folder", envvar="HISBUS_SITE", default=".", help="The site's folder."),
        click.option("--env", "environment", envvar="HISBUS_ENV", help="Which config/<env>.yaml is read."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    ]
    for option in reversed(options):
        option(with_site)
    return with_site  # type: ignore[return-value]  # click calls it by keywords only
