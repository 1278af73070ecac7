"""One connection of a sender at work: takes the next frames in order, sends them, waits for the answers.

In order and to the end: the frame at the head is sent again, with the same control id, until it is acknowledged
or dead. Only a `pipeline` fault puts several under way at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox import acks, er7, times
from sandbox.mllp import Link, Lost
from sandbox.styles import RECEIVER

if TYPE_CHECKING:
    from sandbox.faults import Drawn, FaultBoard
    from sandbox.outbox import Outbox, Pace
    from sandbox.store import Row
    from sandbox.styles import Identity, Style


@dataclass(slots=True)
class Flight:
    """One message under way."""

    row: Row
    sending: int
    deaf: bool
    outcome: str = "silent"  # what it is called when no answer comes


@dataclass(slots=True)
class _Watch:
    """What one exchange waits for: messages by control id, batches by the id in BHS-11."""

    flights: dict[str, Flight] = field(default_factory=dict)
    batches: dict[str, list[str]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    """Line 0 is a sender's normal connection; a burst opens more, each in its own order."""

    def __init__(
        self,
        number: int,
        sender: Identity,
        style: Style,
        outbox: Outbox,
        board: FaultBoard,
        pace: Pace,
        bus: tuple[str, int],
    ) -> None:
        self._number, self._sender, self._style = number, sender, style
        self._outbox, self._board, self._pace = outbox, board, pace
        self._watch = _Watch()
        self._link = Link(*bus, self._received, self._lost)
        self._wake = asyncio.Event()
        self._misses = 0
        self.trouble = ""

    @property
    def connected(self) -> bool:
        return self._link.open

    def wake(self) -> None:
        """Something changed: a new message, or a fault."""
        self._wake.set()

    async def work(self) -> None:
        """Runs until cancelled; a burst's line ends when nothing is left."""
        try:
            while True:
                self._wake.clear()
                if self._board.down(self._sender.name):
                    self._link.reset()
                    await self._wake.wait()
                    continue
                frames = self._outbox.frames(self._number, self._board.window(self._sender.name))
                if not frames:
                    if self._number:
                        return
                    await self._wake.wait()
                    continue
                wait = (frames[0][0]["due"] - times.now()) / times.SECOND
                if wait > 0:
                    await self._sleep(wait)
                    continue
                await self._attempt(frames)
        finally:
            await self._link.close()

    async def _attempt(self, frames: list[list[Row]]) -> None:
        try:
            await self._link.connect(self._pace.ack_timeout)
            await self._exchange(frames)
            self._misses, self.trouble = 0, ""
        except (OSError, TimeoutError, Lost) as error:
            self._misses += 1
            self.trouble = str(error) or type(error).__name__
            self._link.reset()
            await asyncio.sleep(self._pace.pause(self._misses))

    async def _exchange(self, frames: list[list[Row]]) -> None:
        """Sends the frames and waits until each message is decided; TimeoutError or Lost when one is not."""
        self._watch = watch = _Watch()
        try:
            for rows in frames:
                await self._send(rows, watch)
            async with asyncio.timeout(self._pace.ack_timeout):
                while watch.flights and self._link.open:
                    watch.changed.clear()
                    await watch.changed.wait()
            if watch.flights:
                raise Lost("the peer hung up")
        except asyncio.CancelledError:
            self._end(watch, "stopped")
            raise
        finally:
            for flight in watch.flights.values():
                self._outbox.unanswered(flight.sending, flight.outcome)
            watch.flights.clear()

    async def _send(self, rows: list[Row], watch: _Watch) -> None:
        drawn = self._board.draw(self._sender.name)
        if "delay" in drawn:
            await asyncio.sleep(drawn.amount("delay", 1))
        deaf = bool({"deaf", "reset_after"} & drawn.keys())
        messages = [self._written(row, drawn) for row in rows]
        for row, raw in zip(rows, messages, strict=True):
            sending = self._outbox.sending(row, raw, drawn.names)
            watch.flights[row["control_id"]] = Flight(row, sending, deaf)
        try:
            await self._link.write(self._framed(rows, messages, watch), drawn)
        except Lost:
            self._end(watch, "broken")
            raise

    def _written(self, row: Row, drawn: Drawn) -> bytes:
        """The bytes of one message as they go out this time."""
        raw = bytes(row["message"])
        skew = drawn.amount("clock_skew", 3600)
        if skew or (row["attempts"] and self._pace.fresh_time):
            at = times.now() + int(skew * times.SECOND)
            raw = er7.with_field(raw, 7, times.hl7(at, zone=self._style.zone))
        if "wrong_charset" in drawn:
            other = "gb18030" if self._style.codec == "utf-8" else "utf-8"
            raw = raw.decode(self._style.codec).encode(other)
        return raw

    def _framed(self, rows: list[Row], messages: list[bytes], watch: _Watch) -> bytes:
        batch = rows[0]["batch"]
        if not batch:
            return messages[0]
        watch.batches[batch] = [row["control_id"] for row in rows]
        stamp = times.hl7(times.now(), zone=self._style.zone)
        header = {3: self._sender.application, 4: self._sender.facility, 5: RECEIVER, 7: stamp, 11: batch}
        return er7.batch(messages, header)

    def _received(self, payload: bytes) -> None:
        try:
            answers = acks.read(payload, self._style.codec)
        except ValueError as error:
            self.trouble = str(error)  # not an acknowledgement: go on waiting, as for silence
            return
        for ack in answers:
            for control_id in self._watch.batches.get(ack.of, [ack.of]):
                self._decide(control_id, ack)

    def _decide(self, control_id: str, ack: acks.Ack) -> None:
        flight = self._watch.flights.get(control_id)
        if flight is None:
            self._outbox.stray(ack)
            self._confirm(ack)
        elif not flight.deaf:
            del self._watch.flights[control_id]
            self._outbox.answered(flight.row, flight.sending, ack, acks.complaints(ack, self._sender, self._style))
            self._watch.changed.set()

    def _confirm(self, ack: acks.Ack) -> None:
        """An application acknowledgement may ask for a commit acknowledgement of its own."""
        if self._style.enhanced and ack.wants_commit:
            self._link.put_frame(acks.commit(ack, self._sender, self._style, times.hl7(times.now())))

    def _lost(self) -> None:
        self._end(self._watch, "broken")
        self._watch.changed.set()

    @staticmethod
    def _end(watch: _Watch, outcome: str) -> None:
        for flight in watch.flights.values():
            flight.outcome = outcome

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
