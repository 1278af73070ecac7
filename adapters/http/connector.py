"""Kept connections of the client: one on which something came unasked is never used again.

HTTP/1.1 has nothing that ties an answer to its request but their order. A peer that answers one request
twice would have its second answer taken for that of the next request, which it may never have read.
"""

from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from adapters.kept import readable


class Connector(aiohttp.TCPConnector):
    """Looks at a kept connection before it gives it out; what comes only after that cannot be told apart."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._used: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or protocol not in self._used or not _unasked(protocol):
                break
            connection.close()
        if protocol is not None:
            self._used.add(protocol)
        return connection


def _unasked(protocol: ResponseHandler) -> bool:
    """Whether bytes, or the end, came while nobody asked: read already, or still in the system's buffer."""
    if protocol.should_close or protocol.transport is None:
        return True
    socket = protocol.transport.get_extra_info("socket")
    return socket is not None and readable(socket.fileno())
