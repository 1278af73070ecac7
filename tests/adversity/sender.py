"""A laboratory over one plain socket: what it sends, and what it hears."""

import socket
from typing import Self

from tests.crash.sender import Message
from tests.flow.site import PATIENCE

START, END = b"\x0b", b"\x1c\r"


def written(control_id: str, more: bytes = b"") -> bytes:
    """A message on the wire; `more`: segments behind its own."""
    message = Message(control_id, f"P{control_id[-1]}", f"R{control_id}", "20261120010000", True, document=more)
    return START + message.written() + END


class Line:
    """One connection to the bus's MLLP listener."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, wire: bytes) -> str:
        """Sends it; the code of its acknowledgement, empty where the connection ended instead."""
        self.socket.sendall(wire)
        return self.hear()

    def hear(self) -> str:
        """The code of the next acknowledgement."""
        heard = b""
        while not heard.endswith(END):
            if not (piece := self.socket.recv(1)):
                return ""
            heard += piece
        return heard.split(b"\rMSA|", 1)[1][:2].decode()
