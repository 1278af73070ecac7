"""The audit of what channel applications asked: each row sealed with the one before it (decision 32).

A row's `mac` is HMAC-SM3 over the `mac` before it and all that the row says, under a key of its own. So no row can be
changed, put in or taken out of the middle unnoticed by who holds the master secret. Each node has a chain of its own,
counted without gaps. Its beginning goes with time, as rows older than `journal.keep` do; that rows were cut off at its
end shows only against a head (`Chain.last`, `Chain.head`) that was kept elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

Seal: TypeAlias = Callable[[bytes], bytes]
"""The keyed digest of bytes: `KeyRing.chain`."""

SAID = (
    "at", "operation", "client", "channel", "campus", "remote", "effect", "trace", "subject", "code", "count",
    "unmasked", "took",
)  # fmt: skip
"""What a row says, in the order in which it is sealed."""

COLUMNS = (*SAID, "node", "n", "prev", "mac")

_COUNT = len(SAID)


@dataclass(frozen=True, slots=True)
class Entry:
    """One call of a channel application, as it is stored: see `Noted`."""

    at: int
    operation: str
    client: str
    channel: str
    campus: str
    remote: str
    effect: str
    trace: str
    subject: bytes | None
    code: str
    count: int
    unmasked: bool
    took: int

    def said(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in SAID)


def linked(node: str, last: Sequence[Any] | None, entries: Sequence[tuple[Entry, Seal]]) -> list[tuple[Any, ...]]:
    """The rows (`COLUMNS`) that go on the node's chain after `last`, its newest (n, mac); None begins one."""
    n, prev = (last[0], bytes(last[1])) if last is not None else (0, b"")
    rows = []
    for entry, seal in entries:
        n += 1
        said = entry.said()
        mac = seal(_content(node, n, prev, said))
        rows.append((*said, node, n, prev, mac))
        prev = mac
    return rows


@dataclass(slots=True)
class Chain:
    """The rows of one node that were looked at, oldest first."""

    first: int = 0
    last: int = 0
    head: bytes = b""
    """The newest row's `mac`."""


class Checker:
    """Looks at the rows of the audit in the order of their ids."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self.chains: dict[str, Chain] = {}

    def cut(self) -> None:
        """The rows looked at so far went with their time meanwhile: what follows stands at the beginning."""
        self.chains = {}

    def holds(self, row: Sequence[Any]) -> bool:
        """Whether a row (`COLUMNS`) is as it was written, and follows the one before it."""
        said, (node, n, prev, mac) = row[:_COUNT], row[_COUNT:]
        if n is None:
            return not self.chains  # older than the chain
        begun = node in self.chains
        chain = self.chains.setdefault(node, Chain(n))
        follows = not begun or (n == chain.last + 1 and bytes(prev) == chain.head)
        chain.last, chain.head = n, bytes(mac)
        return follows and self._seal(_content(node, n, bytes(prev), said)) == chain.head


def _content(node: str, n: int, prev: bytes, said: Sequence[Any]) -> bytes:
    plain = dict(zip(SAID, said, strict=True))
    subject = plain["subject"]
    plain |= {"subject": bytes(subject).hex() if subject is not None else None, "unmasked": bool(plain["unmasked"])}
    return prev + orjson.dumps([node, n, *plain.values()])
