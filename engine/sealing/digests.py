"""Digests and keyed digests by the names that texts use.

SM3 is GB/T 32905; HMAC is RFC 2104, with SM3 as GB/T 15852.2 has it. MD5 is here because partners
sign with it; nothing of ours does.
"""

import hmac
from hashlib import md5, sha256
from typing import Final, Literal, TypeAlias, get_args

from cryptography.hazmat.primitives.hashes import SM3, Hash
from cryptography.hazmat.primitives.hmac import HMAC

Digest: TypeAlias = Literal["md5", "sha256", "sm3"]
Keyed: TypeAlias = Literal["hmac-sha256", "hmac-sm3"]

DIGESTS: Final[tuple[str, ...]] = get_args(Digest)
KEYED: Final[tuple[str, ...]] = get_args(Keyed)


def digest(name: str, data: bytes) -> bytes:
    """The digest of `data` under one of `DIGESTS`."""
    if name == "sm3":
        running = Hash(SM3())  # hashlib has it only where the system's OpenSSL was built with it
        running.update(data)
        return running.finalize()
    if name == "sha256":
        return sha256(data).digest()
    if name == "md5":
        return md5(data, usedforsecurity=False).digest()
    raise KeyError(name)


def keyed(name: str, key: bytes, data: bytes) -> bytes:
    """The keyed digest of `data` under one of `KEYED`."""
    if name == "hmac-sha256":
        return hmac.digest(key, data, "sha256")
    if name == "hmac-sm3":
        running = HMAC(key, SM3())
        running.update(data)
        return running.finalize()
    raise KeyError(name)
