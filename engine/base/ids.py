"""The one maker of identifiers and of chance. Nothing here says anything about a patient."""

import os
import random
import secrets
import time
from typing import Protocol
from uuid import uuid4

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


class Ids(Protocol):
    """What the engine asks for identifiers and jitter; tests bring a predictable one."""

    def message(self) -> str:
        """26 characters that sort by the time they were made."""
        ...

    def token(self) -> str:
        """A token that no one guesses: nonces, idempotency tokens."""
        ...

    def uuid(self) -> str:
        """The same as a UUID (RFC 9562, version 4), for partners who want one."""
        ...

    def digits(self, count: int) -> str:
        """So many digits that no one guesses: a code for a person to type."""
        ...

    def chance(self) -> float:
        """A number in [0, 1): jitter."""
        ...


class SystemIds:
    """Identifiers from the system's own randomness (ULID layout: 48 bits of time, 80 of chance)."""

    def message(self) -> str:
        return _base32((time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10)), 26)

    def token(self) -> str:
        return _base32(int.from_bytes(os.urandom(16)), 26)

    def uuid(self) -> str:
        return str(uuid4())

    def digits(self, count: int) -> str:
        return f"{secrets.randbelow(10**count):0{count}d}"

    def chance(self) -> float:
        return random.random()


class CountedIds:
    """Identifiers that count up: for tests and scenarios."""

    def __init__(self) -> None:
        self._count = 0

    def message(self) -> str:
        self._count += 1
        return f"m{self._count:025d}"

    def token(self) -> str:
        self._count += 1
        return f"t{self._count:024d}"

    def uuid(self) -> str:
        self._count += 1
        return f"00000000-0000-4000-8000-{self._count:012d}"

    def digits(self, count: int) -> str:
        self._count += 1
        return f"{self._count % 10**count:0{count}d}"

    def chance(self) -> float:
        return 0.5


def _base32(number: int, width: int) -> str:
    """The last `width` base 32 digits, an even number of them."""
    return "".join([_PAIRS[(number >> place) & 1023] for place in range(5 * (width - 2), -1, -10)])
