"""A laboratory system with a ledger of its own: each message goes out, under its one control id, until AA comes back."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

_BEGAN = datetime(2026, 11, 20, 1, 0, 0, tzinfo=UTC)
_START, _END = b"\x0b", b"\x1c\r"
_AGAIN = 0.02
_PATIENCE = 5.0
_ACK = re.compile(rb"\rMSA\|([A-Z]{2})\|([^|\r]*)")
_LARGE = 1_300_000
"""Over 1 MiB: the journal stores such a body in parts, before its message."""
_EACH_LARGE = 8


@dataclass
class Message:
    """One row of the ledger: one version of one report."""

    control_id: str
    patient: str
    report: str
    version: str
    """OBR-22, which tells the versions of a report apart."""
    final: bool
    items: int = 1
    document: bytes = b""
    raws: list[bytes] = field(default_factory=list)
    """What went out, once for each sending; MSH-7 differs."""
    acked: bool = False

    def written(self) -> bytes:
        """The message as it goes out now."""
        head = (
            f"MSH|^~\\&|LIS||HIP||{datetime.now(UTC):%Y%m%d%H%M%S.%f}||ORU^R01|{self.control_id}|P|2.4||||||UNICODE UTF-8\r"
            f"PID|1||{self.patient}||^张三||19000307000000|M|||||^^^^^^13800001234\r"
            f"OBR|1|O{self.report}|{self.report}|GLU^葡萄糖{'|' * 18}{self.version}||检验|{'F' if self.final else 'C'}\r"
        )
        items = (f"OBX|1|NM|I{n}^葡萄糖||{self.version[-2:]}|mmol/L|3.9-6.1|N|||F\r" for n in range(self.items))
        return "".join((head, *items)).encode() + self.document


class Laboratory:
    """Sends over `lines` connections; each has two patients of its own and one message under way.

    `wrong` holds what a strict sender complains of: an answer to something else, a refusal.
    """

    def __init__(self, port: int, *, lines: int = 6, pause: float = 0.03, large: bool = False, items: int = 1) -> None:
        self.port = port
        self.pause = pause
        self.ledger: list[Message] = []
        self.wrong: list[str] = []
        self.waiting = 0
        """Lines that wait for an answer."""
        self.more = True
        self._large = large
        self._items = items
        self._tasks = [asyncio.create_task(_Line(self, self._made(number)).run()) for number in range(lines)]

    @property
    def acked(self) -> int:
        return sum(message.acked for message in self.ledger)

    @property
    def sent(self) -> int:
        return sum(bool(message.raws) for message in self.ledger)

    @property
    def sendings(self) -> int:
        return sum(len(message.raws) for message in self.ledger)

    async def finish(self) -> None:
        """Makes no new messages; returns when every one of the ledger is acknowledged."""
        self.more = False
        await asyncio.gather(*self._tasks)

    async def abandon(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def heard(self) -> None:
        """Returns when no line waits for an answer: whatever a bus that died had said is in the ledger."""
        while self.waiting:  # noqa: ASYNC110 - the lines change it, and nobody else waits for it
            await asyncio.sleep(0.005)

    def _made(self, line: int) -> Iterator[Message]:
        """The messages of one line: for each patient in turn a final report, and two corrections of it."""
        for turn in count():
            patient, step = f"PC{line}{turn % 2}", turn // 2
            version = _BEGAN + timedelta(seconds=turn)
            message = Message(
                f"{patient}N{step}",
                patient,
                f"R{patient}{step // 3}",
                f"{version:%Y%m%d%H%M%S}",
                step % 3 == 0,
                self._items,
            )
            if self._large and turn % _EACH_LARGE == 0:
                message.document = b"OBX|2|ED|PDF^file||^application^pdf^Base64^" + b"A" * _LARGE + b"||||||F\r"
            self.ledger.append(message)
            yield message


class _Line:
    """One connection at a time, and the message at its head."""

    def __init__(self, laboratory: Laboratory, messages: Iterator[Message]) -> None:
        self._laboratory = laboratory
        self._messages = messages
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        try:
            while self._laboratory.more:
                message = next(self._messages)
                while not message.acked:
                    await self._try(message)
                await asyncio.sleep(self._laboratory.pause)
        finally:
            self._hang_up()

    async def _try(self, message: Message) -> None:
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._laboratory.port)
            message.raws.append(message.written())
            self._writer.write(_START + message.raws[-1] + _END)
            self._take(message, await self._answer())
        except (OSError, EOFError, TimeoutError):
            self._hang_up()
            await asyncio.sleep(_AGAIN)

    async def _answer(self) -> bytes:
        self._laboratory.waiting += 1
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._reader.readuntil(_END)
        finally:
            self._laboratory.waiting -= 1

    def _take(self, message: Message, answer: bytes) -> None:
        said = _ACK.search(answer)
        if said is None or said[2].decode() != message.control_id:
            self._laboratory.wrong.append(f"{message.control_id}: an answer that is not its own")
        elif said[1] != b"AA":
            self._laboratory.wrong.append(f"{message.control_id}: {said[1].decode()}")
        else:
            message.acked = True

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None
