"""Batches (HL7 v2.8.2 chapter 2, §2.10.3): FHS BHS messages BTS FTS, any of them missing.

Messages in a batch are separated by CR alone, so they are told apart by what begins a line. Files
with and without MLLP's own characters are taken. Each message is given as the slice of bytes it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

from engine.base.errors import BusError, Code
from engine.formats.hl7_header import Header, header_of
from engine.formats.hl7_marks import too_many
from engine.formats.hl7_reader import Reading

_HEADS = re.compile(rb"(?:\A\W{0,64}?|[\r\n\x0b\x1c])(MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9 ]|\Z)")
_MOST_MESSAGES = 20_000


@dataclass(slots=True)
class Batch:
    """One BHS with its messages; messages without any header are a batch of their own."""

    header: bytes = b""
    messages: list[bytes] = field(default_factory=list)
    trailer: bytes = b""


@dataclass(slots=True)
class File:
    """What came as one. `warnings` names counts that do not agree with what is there."""

    header: bytes = b""
    batches: list[Batch] = field(default_factory=list)
    trailer: bytes = b""
    warnings: list[str] = field(default_factory=list)


def split(raw: bytes, *, strict: bool = False) -> list[bytes]:
    """The messages in `raw`; the very object where it is one message, or none that can be told.

    Raises BusError: for a batch without messages, beyond 20,000 messages, and where `strict`, for counts
    that do not agree.
    """
    if raw.startswith(b"MSH") and (
        raw.find(b"MSH", 3) < 0 or not any(start in raw for start in (b"\rMSH", b"\nMSH", b"\x0bMSH"))
    ):
        return [raw]
    file = read_file(raw)
    messages = [message for batch in file.batches for message in batch.messages]
    if not is_batch(file):
        return [raw]
    if not messages:
        raise BusError(Code.NOT_READABLE, "the batch holds no message", spot="BHS^1")
    if strict and file.warnings:
        raise BusError(Code.VALIDATION_FAILED, file.warnings[0], spot="BTS^1^1")
    return messages


def is_batch(file: File) -> bool:
    """Whether there is more than one bare message."""
    return bool(file.header or any(batch.header for batch in file.batches)) or (
        sum(len(batch.messages) for batch in file.batches) > 1
    )


def read_file(raw: bytes) -> File:
    """Headers, messages and trailers of `raw`, told apart by the names that begin lines."""
    file = File()
    heads = list(islice(_HEADS.finditer(raw), _MOST_MESSAGES + 1))
    if len(heads) > _MOST_MESSAGES:
        raise too_many("messages in one batch")
    starts = [head.start(1) for head in heads] + [len(raw)]
    for head, (start, end) in zip(heads, pairwise(starts), strict=True):
        _place(file, head[1], _unframed(raw[start:end]))
    file.warnings.extend(_miscounts(file))
    return file


def _place(file: File, name: bytes, piece: bytes) -> None:
    if name == b"FHS":
        file.header = piece
    elif name == b"FTS":
        file.trailer = piece
    elif name == b"BHS":
        file.batches.append(Batch(piece))
    else:
        if not file.batches or (name == b"MSH" and file.batches[-1].trailer):
            file.batches.append(Batch())
        if name == b"BTS":
            file.batches[-1].trailer = piece
        else:
            file.batches[-1].messages.append(piece)


def _unframed(piece: bytes) -> bytes:
    return piece.rstrip(b"\x0b").removesuffix(b"\x1c\r").removesuffix(b"\x1c")


def _miscounts(file: File) -> list[str]:
    warnings = []
    for number, batch in enumerate(file.batches, 1):
        if batch.header and not batch.trailer:
            warnings.append(f"batch {number} has no BTS")
        elif _differs(batch.trailer, len(batch.messages)):
            warnings.append(f"BTS-1 of batch {number} does not agree with its {len(batch.messages)} messages")
    if file.header and not file.trailer:
        warnings.append("the file has no FTS")
    elif _differs(file.trailer, len(file.batches)):
        warnings.append(f"FTS-1 does not agree with the {len(file.batches)} batches")
    return warnings


def _differs(trailer: bytes, count: int) -> bool:
    declared = re.match(rb"...[^A-Za-z0-9]0*([0-9]+)", trailer)
    return declared is not None and declared[1] != str(count).encode()


def acknowledge_batch(
    raw: bytes, answers: Sequence[Sequence[bytes]], now: str, control_id: str, reading: Reading | None = None
) -> tuple[bytes, ...]:
    """The answers (for each message its frames, in order) in one batch of acknowledgements.

    Messages that came without a BHS or FHS are answered one frame each. BHS-12 and FHS-12 name the
    request's BHS-11 and FHS-11.
    """
    reading = reading or Reading()
    file = read_file(raw)
    frames = [b"".join(answer) for answer in answers]
    if not any(frames):
        return ()
    if not file.header and not any(batch.header for batch in file.batches):
        return tuple(frame for answer in answers for frame in answer)
    parts, start = [], 0
    for number, batch in enumerate(file.batches, 1):
        inside = [frame for frame in frames[start : start + len(batch.messages)] if frame]
        start += len(batch.messages)
        parts.append(_enclosed(b"B", header_of(batch.header or raw, reading, batch.header[:3] or b"MSH"),
                               inside, now, f"{control_id[-17:]}{number:03d}"))  # fmt: skip
    body = b"".join(parts)
    if file.header:
        return (_enclosed(b"F", header_of(file.header, reading, b"FHS"), parts, now, control_id[-20:]),)
    return (body,)


def _enclosed(kind: bytes, request: Header, inside: list[bytes], now: str, own_id: str) -> bytes:
    separator, level = request.marks.field, kind.decode()
    fields = (
        level + "HS", request.marks.encoding,
        request.field(5), request.field(6), request.field(3), request.field(4), now, "", "", "", own_id,
        request.field(11),
    )  # fmt: skip
    header = separator.join(fields).rstrip(separator) + "\r"
    trailer = f"{level}TS{separator}{len(inside)}\r"
    return header.encode(request.marks.codec) + b"".join(inside) + trailer.encode(request.marks.codec)
