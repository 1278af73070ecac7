"""Listening sockets, and how slowly a peer may speak there: the same for every adapter that has some."""

import socket

from engine.contract import Link


def bound(link: Link, backlog: int) -> socket.socket:
    """A socket that listens on `link.listen`. Raises OSError where the address is taken."""
    host, port = link.listen or ("", 0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)


def patience_left(patience: float, took: float, came: int) -> float:
    """Seconds until a message must be whole that has been coming for `took` seconds, `came` bytes so far; negative:
    it should have been. `patience` seconds, and a second more for each 1,000 bytes: the slowest line of a hospital is
    quicker, and who sends a byte now and then to hold a connection for ever is not.
    """
    return patience + came / _SLOWEST - took


_SLOWEST = 1000
"""Bytes a second."""
