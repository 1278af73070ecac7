"""Who holds the keys (decision 32): one seam, so that a key device can take the place of software.

A provider is asked once, at the start, for the master secret of the journal; day keys are derived
and unwrapped in memory, else every message would cost a call to a device. A provider that is down
raises KeysUnavailable, and nothing falls back to software in silence.
"""

from dataclasses import dataclass
from typing import Protocol

from engine.settings.secrets import SHORTEST_KEY, SecretMissing, Secrets


class KeysUnavailable(Exception):
    """The key cannot be had now; the text says why in words, never a key."""


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """What holds the keys, for reports: `certified` is a product's certificate number, empty for software."""

    product: str
    certified: str = ""


class KeyProvider(Protocol):
    """Holds long-lived keys by name."""

    @property
    def info(self) -> ProviderInfo: ...

    async def master(self, name: str) -> bytes:
        """The master secret called `name`, at least 32 bytes. Raises KeysUnavailable."""
        ...


class SoftKeys:
    """Keys from `secrets`, in memory. Says of itself that it is no certified product."""

    info = ProviderInfo("software keys, not a certified product")

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def master(self, name: str) -> bytes:
        try:
            secret = self._secrets.open(name).encode()
        except SecretMissing as missing:
            raise KeysUnavailable(str(missing)) from missing
        if len(secret) < SHORTEST_KEY:
            raise KeysUnavailable(f"the secret {name!r} is too short for a key: make one with openssl rand -hex 32")
        return secret
