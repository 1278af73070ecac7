"""Words with whoever runs the bus as a service: sd_notify(3), datagrams to the socket that `$NOTIFY_SOCKET` names.

Without that variable (a console, a container) everything here does nothing.
"""

import asyncio
import os
import socket
from collections.abc import Mapping

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


class Service:
    """Says to systemd that the bus accepts, that it stops, and that its loop goes round."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        place = environ.get("NOTIFY_SOCKET", "")
        self._place = "\0" + place[1:] if place.startswith("@") else place  # @: a name without a file, Linux only
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._patience = int(environ.get("WATCHDOG_USEC", "0")) / 1e6 if mine else 0.0

    @property
    def watched(self) -> bool:
        """Whether the service is ended when it is silent for too long (`WatchdogSec`)."""
        return bool(self._place) and self._patience > 0

    def say(self, state: str) -> None:
        """Raises OSError where nobody listens at the socket that was named."""
        if self._place:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
                way.sendto(state.encode("ascii"), self._place)

    async def live(self) -> None:
        """Gives a sign of life twice as often as one is wanted."""
        while True:
            self.say(ALIVE)
            await asyncio.sleep(self._patience / 2)
