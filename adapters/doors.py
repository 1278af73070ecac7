"""Listening sockets, the same for every adapter that has some."""

import socket

from engine.contract import Link


def bound(link: Link, backlog: int) -> socket.socket:
    """A socket that listens on `link.listen`. Raises OSError where the address is taken."""
    host, port = link.listen or ("", 0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)
