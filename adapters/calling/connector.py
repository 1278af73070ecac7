"""Kept connections of the client: one on which something came unasked is never used again.

HTTP/1.1 has nothing that ties an answer to its request but their order. A peer that answers one request
twice would have its second answer taken for that of the next request, which it may never have read.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from adapters.kept import question


class Connector(aiohttp.TCPConnector):
    """Looks at a kept connection before it gives it out; what comes only after that cannot be told apart."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._questions: WeakKeyDictionary[ResponseHandler, Callable[[], bool]] = WeakKeyDictionary()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or protocol.transport is None:
                return connection
            unasked = self._questions.get(protocol)
            if unasked is None:  # a new one
                handle = protocol.transport.get_extra_info("socket").fileno()
                self._questions[protocol] = question(handle)
                return connection
            if not protocol.should_close and not unasked():
                return connection
            connection.close()
