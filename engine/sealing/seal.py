"""Seals for outgoing calls: what the mapping loader is handed to compile `seal:` blocks with."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from engine.base.clock import to_micros
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.contract import Login
from engine.model import Built, Context
from engine.sealing.schemes import load_seal
from engine.sealing.sign import Scheme
from engine.sealing.template import Parts
from engine.settings.nodes import Node
from engine.settings.problems import Problems

Seal: TypeAlias = Callable[[Built, str, Context], Mapping[str, str]]
"""(built, method and path with query, context) to the headers of one attempt: `Outgoing.seal`."""

LoginOf: TypeAlias = Callable[[str, str | None], Login]
"""(system, campus) to its credentials, opened at each call; raises Unavailable where they cannot be had."""


class Seals:
    """Compiles `seal:` blocks. A seal takes the time from `context.now`, the system and its campus from
    `context.values`, and a nonce of its own for every attempt.
    """

    def __init__(self, login: LoginOf, ids: Ids) -> None:
        self._login = login
        self._ids = ids

    def __call__(self, node: Node, problems: Problems) -> Seal | None:
        """The seal of a block, or None with findings."""
        scheme = load_seal(node, problems)
        return None if scheme is None else self._seal(scheme)

    def _seal(self, scheme: Scheme) -> Seal:
        def seal(built: Built, method_and_path: str, context: Context) -> Mapping[str, str]:
            if not isinstance(built.body, bytes):
                raise BusError(Code.VALIDATION_FAILED, "only bytes can be sealed, this body is a row")
            method, _, path = method_and_path.partition(" ")
            login = self._login(context.values["system"], context.values.get("campus"))
            stamp = scheme.stamp(to_micros(context.now))
            nonce = self._ids.token()
            return scheme.headers_for(Parts(method, path, built.body, stamp, nonce, login.user, login.password))

        return seal
