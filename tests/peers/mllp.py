"""An MLLP system that is not ours: python-hl7's own server, with a ledger."""

import asyncio
import re
from typing import Self

from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

_LIMIT = 64 * 1024 * 1024


class Hl7Server:
    """Acknowledges every message; `ledger` has the control ids in the order of reading."""

    def __init__(self, *, pause: float = 0.0) -> None:
        self.pause = pause
        self.ledger: list[str] = []
        self.bodies: dict[str, str] = {}
        self.at_once = 0
        self.most_at_once = 0

    async def __aenter__(self) -> Self:
        self._server = await start_hl7_server(self._serve, "127.0.0.1", 0, limit=_LIMIT, encoding="utf-8")
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while True:
                message = await reader.readmessage()
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                number = str(message.segment("MSH")[10])
                self.ledger.append(number)
                self.bodies[number] = str(message)
                await asyncio.sleep(self.pause)
                writer.writemessage(message.create_ack())
                await writer.drain()
                self.at_once -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def message(number: str, text: str = "") -> bytes:
    """An ORU^R01 whose MSH-10 is `number`."""
    return (
        f"MSH|^~\\&|LIS|LAB|BUS|HOSPITAL|20261120090000||ORU^R01|{number}|P|2.4|||||CHN|UNICODE UTF-8\r"
        f"PID|1||P1^^^^MR||^张三||19000307|M\rOBR|1|{number}||GLU^葡萄糖\rOBX|1|ST|GLU^葡萄糖||{text}||||||F\r"
    ).encode()


def acknowledged(reply: bytes) -> str:
    """MSA-2 of an acknowledgement, which must be AA."""
    found = re.search(rb"(?:^|\r)MSA\|AA\|([^|\r]*)", reply)
    assert found is not None, "no AA"
    return found[1].decode()
