"""Seals for outgoing calls: what the mapping loader is handed to compile `seal:` blocks with."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from engine.base.clock import to_micros
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.contract import Login, Unavailable
from engine.model import Built, Context
from engine.sealing.schemes import load_seal
from engine.sealing.sign import Scheme
from engine.sealing.template import Parts
from engine.settings.nodes import Node
from engine.settings.problems import Problems

Seal: TypeAlias = Callable[[Built, str, Context], tuple[bytes, Mapping[str, str]]]
"""(built, method and path with query, context) to the body as it is sent and the headers, of one attempt: it is
`Outgoing.seal`."""

LoginOf: TypeAlias = Callable[[str, str | None], Login]
"""(system, campus) to its credentials, opened at each call; raises Unavailable where they cannot be had."""


class Seals:
    """Compiles `seal:` blocks. A seal takes the time from `context.now`, the system and its campus from
    `context.values`, and a nonce of its own for every attempt.
    """

    def __init__(self, login: LoginOf, ids: Ids, *, enciphers: bool = True) -> None:
        """Not `enciphers`: bodies are signed as they are, for a scenario, which compares what is inside."""
        self._login = login
        self._ids = ids
        self._enciphers = enciphers

    def __call__(self, node: Node, problems: Problems) -> Seal | None:
        """The seal of a block, or None with findings."""
        scheme = load_seal(node, problems)
        if scheme is None:
            return None
        return self._seal(scheme if self._enciphers else replace(scheme, cipher=None))

    def _seal(self, scheme: Scheme) -> Seal:
        def seal(built: Built, method_and_path: str, context: Context) -> tuple[bytes, Mapping[str, str]]:
            if not isinstance(built.body, bytes):
                raise BusError(Code.VALIDATION_FAILED, "only bytes can be sealed, this body is a row")
            method, _, path = method_and_path.partition(" ")
            login = self._login(context.values["system"], context.values.get("campus"))
            stamp = scheme.stamp(to_micros(context.now))
            nonce = self._ids.uuid() if scheme.nonce == "uuid" else self._ids.token()
            try:
                return scheme.sealed(Parts(method, path, built.body, stamp, nonce, login.user, login.password))
            except ValueError:  # a secret that is not what the scheme says: nothing is lost while somebody mends it
                raise Unavailable("key_unfit") from None

        return seal
