"""Frames of MLLP: 0x0B, the message, 0x1C 0x0D; read the way peers really send them.

- Bytes before 0x0B are passed over: line ends between frames, half frames of a sender that gave up.
- 0x1C ends a frame when 0x0D, 0x0A or the next frame's 0x0B follows. Before any other byte it is
  content: the standard forbids it, but cutting there would acknowledge half a message as whole.
- 0x1C as the last byte so far leaves open whether 0x0D follows: `unsure`; after a short pause, or when
  the peer ends its side, `settle` takes the frame as whole.
- 0x0B inside a frame is content: word processors use it for line breaks and reports carry it.
- A frame over the limit gives only its `Beginning`; the rest is passed over up to its end, so that
  memory stays bounded and the connection stays in step.
"""

import asyncio

START, END = b"\x0b", b"\x1c"
TAIL = b"\x1c\r"
_AFTER_END = frozenset(b"\r\n\x0b")
_HEAD = 64 * 1024
_PAUSE = 0.1
"""Seconds without a byte after which 0x1C alone ends a frame."""


class Beginning(bytes):
    """The first 64 KiB, at most, of a frame that was larger than the limit."""


def frame(body: bytes) -> bytes:
    """The body as it goes over the wire."""
    return b"\x0b%b\x1c\r" % body


class Frames:
    """Cuts the bytes of one connection into frames."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = min(limit, _HEAD)
        self._buffer = bytearray()
        self._inside = False
        self._seen = 0  # before this position of the buffer no frame ends
        self._head: Beginning | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that became whole with `data`, in order."""
        last = len(data) - 2
        whole = data[:1] == START and data.find(END) == last and data[last:] == TAIL
        if whole and not self._inside and last - 1 <= self._limit:  # one read, one frame: nearly always
            return [data[1:last]]
        self._buffer += data
        frames: list[bytes] = []
        while self._inside or self._begin():
            end = self._end()
            if end is None:
                break
            frames.append(self._take(end))
        return frames

    @property
    def unsure(self) -> bool:
        """Everything came but perhaps the last 0x0D."""
        return self._inside and self._buffer[-1:] == END

    @property
    def partial(self) -> bool:
        """A frame has begun and is not whole."""
        return self._inside

    def settle(self) -> list[bytes]:
        """The frame that `unsure` spoke of, if there is one: nothing more will follow it."""
        return [self._take(len(self._buffer) - 1)] if self.unsure else []

    def _begin(self) -> bool:
        start = self._buffer.find(START)
        if start < 0:
            self._buffer.clear()
            return False
        del self._buffer[: start + 1]
        self._inside, self._seen = True, 0
        return True

    def _end(self) -> int | None:
        buffer = self._buffer
        while (end := buffer.find(END, self._seen)) >= 0 and end + 1 < len(buffer):
            if buffer[end + 1] in _AFTER_END:
                return end
            self._seen = end + 1
        self._seen = end if end >= 0 else len(buffer)
        if self._head is not None or self._seen > self._limit:
            self._head = self._head or Beginning(buffer[: self._kept])
            del buffer[: self._seen]
            self._seen = 0
        return None

    def _take(self, end: int) -> bytes:
        buffer = self._buffer
        if self._head is not None or end > self._limit:
            body: bytes = self._head or Beginning(buffer[: self._kept])
        else:
            body = bytes(memoryview(buffer)[:end])
        del buffer[: end + 1]  # the byte after it is a line end or the next start: both are looked at next
        self._inside, self._head = False, None
        return body


class Framed(asyncio.Protocol):
    """A connection that reads frames: both sides of MLLP build on it."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.frames = Frames(limit)
        self._pause: asyncio.TimerHandle | None = None

    def frames_read(self, frames: list[bytes]) -> None:
        """Takes what became whole, in order; the list may be empty."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self.frames_read(self.frames.feed(data))
        if self.frames.unsure:
            self._pause = self.loop.call_later(_PAUSE, self._settle)

    def eof_received(self) -> bool | None:
        self._settle()
        return None

    def _settle(self) -> None:
        self._pause = None
        if frames := self.frames.settle():
            self.frames_read(frames)
