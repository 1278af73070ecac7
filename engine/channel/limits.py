"""How often one application may call: a bucket of tokens each, filled at its pace."""

from dataclasses import dataclass
from math import ceil

from engine.base.clock import Clock
from engine.base.errors import Code
from engine.channel.clients import Client
from engine.channel.refusal import Refusal


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limits:
    """The buckets of all clients of this node. A second's worth of calls may come at once, one at least."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, client: Client) -> None:
        """Takes a token. Raises Refusal(RATE_LIMITED) with `Retry-After` when there is none."""
        now, size = self._clock.monotonic(), max(client.pace, 1.0)
        bucket = self._buckets.setdefault(client.name, _Bucket(size, now))
        bucket.tokens = min(size, bucket.tokens + (now - bucket.at) * client.pace)
        bucket.at = now
        if bucket.tokens < 1:
            wait = ceil((1 - bucket.tokens) / client.pace)
            raise Refusal(Code.RATE_LIMITED, headers={"retry-after": str(max(wait, 1))})
        bucket.tokens -= 1
