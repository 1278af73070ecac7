"""Secrets by reference: settings hold names, and a secret is opened when it is used.

What the texts, logs, findings and `repr` show is the name. A secret that is nowhere is a finding
with every place that was looked at.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.settings.layers import Loaded
from engine.settings.models import SecretSource
from engine.settings.problems import Problems

SHORTEST_KEY = 32
"""Characters that the secret of a key has at least; `openssl rand -hex 32` makes 64."""

_KEY = ("journal", "key", "secret")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\Z")


class SecretMissing(Exception):
    """No place has this secret; the places looked at are named, never a value."""

    def __init__(self, name: str, places: Sequence[str]) -> None:
        super().__init__(f"the secret {name!r} is nowhere; looked at {', '.join(places)}")
        self.name = name
        self.places = tuple(places)


class Secrets:
    """The secrets of a site, read from files and environment variables each time they are asked for."""

    def __init__(self, sources: Sequence[SecretSource], site: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._sources = tuple(sources)
        self._site = site
        self._environ = environ

    def open(self, name: str) -> str:
        """The secret, without the line end of its file. Raises SecretMissing."""
        for source in self._sources:
            value = self._look(source, name)
            if value:
                return value
        raise SecretMissing(name, self.places(name))

    def has(self, name: str) -> bool:
        """Whether some place has this secret."""
        return any(self._look(source, name) for source in self._sources)

    def places(self, name: str) -> list[str]:
        """Where a secret of this name is looked for, in order."""
        return [
            str(Path(source.files) / name) if source.files is not None else f"${_variable(source, name)}"
            for source in self._sources
        ]

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self.places('…'))})"

    def _look(self, source: SecretSource, name: str) -> str | None:
        if not _NAME.match(name):  # a name must not lead out of the folder
            return None
        if source.files is None:
            return self._environ.get(_variable(source, name))
        try:
            return (self._site / source.files / name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            return None


def check_secrets(loaded: Loaded, secrets: Secrets, problems: Problems) -> None:
    """Notes every secret that the settings name and no place has."""
    for path, name in _named(loaded):
        if not secrets.has(name):
            looked = ", ".join(secrets.places(name))
            problems.add(loaded.where(*path), f"the secret {name!r} is nowhere", f"looked at {looked}")
        elif path == _KEY and len(secrets.open(name)) < SHORTEST_KEY:
            what = f"the secret {name!r} is too short for a key"
            problems.add(loaded.where(*path), what, "make one with: openssl rand -hex 32")


def _named(loaded: Loaded) -> Iterator[tuple[tuple[str, ...], str]]:
    config = loaded.config
    yield _KEY, config.journal.key.secret
    if config.journal.login is not None:
        yield ("journal", "login", "password", "secret"), config.journal.login.password.secret
    for name, system in config.systems.items():
        here = ("systems", name)
        if system.login is not None:
            yield (*here, "login", "password", "secret"), system.login.password.secret
        for campus, at in system.at.items():
            if at.login is not None:
                yield (*here, "at", campus, "login", "password", "secret"), at.login.password.secret
        for app, client in system.clients.items():
            yield (*here, "clients", app, "secret"), client.secret
            if client.second_secret is not None:
                yield (*here, "clients", app, "second_secret"), client.second_secret


def _variable(source: SecretSource, name: str) -> str:
    return f"{source.env}{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}"
