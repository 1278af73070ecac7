"""Who holds the keys (decision 32): one seam, so that a key device can take the place of software.

Providers are asked to wrap the journal's day keys and to make keyed hashes under long-lived keys; day
keys themselves are unwrapped into memory for a day. A provider that is down raises KeysUnavailable:
what needs it waits, and nothing falls back to software in silence.
"""

import hmac
from dataclasses import dataclass
from typing import Protocol

from engine.settings.secrets import SHORTEST_KEY, SecretMissing, Secrets


class KeysUnavailable(Exception):
    """The holder of the keys cannot be asked now; `why` is a short word, no key."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class WrongKey(Exception):
    """A wrapped key was made under another key, or was changed."""


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """What holds the keys, for reports: `certified` is a product's certificate number, empty for software."""

    product: str
    certified: str = ""


class KeyProvider(Protocol):
    """Holds long-lived keys by name and never gives them away."""

    info: ProviderInfo

    async def wrap(self, name: str, key: bytes) -> bytes:
        """`key` so that only the key `name` opens it again."""
        ...

    async def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """The key that `wrap` was given. Raises WrongKey."""
        ...

    async def mac(self, name: str, purpose: str, data: bytes) -> bytes:
        """32 bytes that only the key `name` can make of `data`; purposes are kept apart."""
        ...


class SoftKeys:
    """Keys from `secrets`, in memory. Says of itself that it is no certified product."""

    info = ProviderInfo("software keys, not a certified product")

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def wrap(self, name: str, key: bytes) -> bytes:
        """AES key wrap with padding (RFC 5649)."""
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

        return aes_key_wrap_with_padding(self._derive(name, "wrap"), key)

    async def unwrap(self, name: str, wrapped: bytes) -> bytes:
        from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

        try:
            return aes_key_unwrap_with_padding(self._derive(name, "wrap"), wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise WrongKey from error

    async def mac(self, name: str, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA256 under a key derived for the purpose."""
        return hmac.digest(self._derive(name, f"mac {purpose}"), data, "sha256")

    def _derive(self, name: str, purpose: str) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        try:
            secret = self._secrets.open(name)
        except SecretMissing as missing:
            raise KeysUnavailable(f"no secret {name}") from missing
        if len(secret) < SHORTEST_KEY:
            raise KeysUnavailable(f"secret {name} is too short for a key")
        return HKDF(SHA256(), 32, None, f"hisbus {purpose}".encode()).derive(secret.encode())
