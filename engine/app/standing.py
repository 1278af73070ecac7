"""What is in force together: settings, the systems as they say, and a checked release of the texts."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.app.systems import Post, Surroundings
from engine.delivery.wire import SystemRuntime
from engine.routing.release import Release, Site
from engine.settings.layers import Loaded
from engine.settings.models import Config
from engine.settings.problems import Problems


@dataclass(frozen=True, slots=True)
class Standing:
    """One whole. Nothing in it changes; another one takes its place."""

    loaded: Loaded
    surroundings: Surroundings
    site: Site
    """What the release was made for."""
    release: Release
    texts: Mapping[str, bytes]

    @property
    def config(self) -> Config:
        return self.loaded.config

    def posts(self) -> list[Post]:
        """Everywhere that the bus listens."""
        return list(self.surroundings.posts(self.release.profile))

    def called(self) -> Mapping[str, tuple[object, ...]]:
        """Each system that is called, with all that it is called by."""
        around = self.surroundings
        return {
            name: around.bearing(name, profile)
            for name in self.config.systems
            if (profile := self.release.profile(name)).outgoing
        }

    def runtimes(self, names: Mapping[str, object], problems: Problems) -> Iterator[SystemRuntime]:
        """These systems, ready to be called; nothing is opened yet. Notes those that cannot be made."""
        for name in names:
            try:
                yield self.surroundings.runtime(name, self.release.profile(name))
            except (ValueError, OSError) as error:
                problems.add(self.loaded.where("systems", name), f"it cannot be called: {said(error)}")


def said(error: Exception) -> str:
    """What an error of the settings says to people: where the operating system names a reason, that alone."""
    number = error.errno if isinstance(error, OSError) else None
    return (os.strerror(number) if number else str(error)) or type(error).__name__
