"""Batches: taken apart into the slices they are, counted, and answered in one batch."""

import datetime as dt

import pytest
from hl7_samples import CORPORA, FORMAT, message

from engine.base.errors import BusError, Code
from engine.formats.hl7 import Hl7
from engine.formats.hl7_batch import read_file, split

BATCH = CORPORA / "hl7v2-cosyte" / "batch"
MADE = {"time": dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC), "id": "01hxyzabcdefghjkmnpqrstvwx"}
ONE, TWO = message("PID|1||A"), message("PID|1||B", header="MSH|^~\\&|LIS|H|BUS|H|20261120||ORU^R01|M2|P|2.5.1")


def enclosed(*messages: bytes, count: int | None = None) -> bytes:
    head = b"FHS|^~\\&|LIS|H|BUS|H|20261120||F||F1\rBHS|^~\\&|LIS|H|BUS|H|20261120||B||B1\r"
    return head + b"".join(messages) + f"BTS|{len(messages) if count is None else count}\rFTS|1\r".encode()


def answers(raw: bytes, *errors: BusError | None) -> tuple[bytes, ...]:
    parts = FORMAT.split(raw)
    return FORMAT.acknowledge(raw, list(zip(parts, errors, strict=True)), MADE, batch=True)


def test_a_single_message_is_the_very_object() -> None:
    assert FORMAT.split(ONE)[0] is ONE
    framed = b"\x0b" + ONE + b"\x1c\r"
    assert FORMAT.split(framed)[0] is framed
    nothing = b"not a message"
    assert FORMAT.split(nothing)[0] is nothing


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("bare-message", 1),
        ("single-batch", 2),
        ("multi-batch-file", 3),
        ("count-mismatch", 2),
        ("malformed-mid-batch", 3),
    ],
)
def test_batches_of_the_corpus(name: str, count: int) -> None:
    raw = (BATCH / f"{name}.hl7").read_bytes()
    parts = FORMAT.split(raw)
    file = read_file(raw)
    assert len(parts) == raw.count(b"MSH|") == count
    assert all(part.startswith(b"MSH") and part in raw for part in parts)
    whole = file.header + b"".join(b.header + b"".join(b.messages) + b.trailer for b in file.batches) + file.trailer
    assert whole == raw


def test_messages_one_after_the_other() -> None:
    assert split(ONE + TWO) == [ONE, TWO]
    assert split(ONE.replace(b"\r", b"\n") + TWO) == [ONE.replace(b"\r", b"\n"), TWO]


def test_with_the_characters_of_mllp() -> None:
    assert split(b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r") == [ONE, TWO]
    assert split(b"\x0b" + enclosed(ONE, TWO) + b"\x1c\r") == [ONE, TWO]


def test_counts_that_do_not_agree() -> None:
    raw = enclosed(ONE, TWO, count=3)
    assert split(raw) == [ONE, TWO]
    assert read_file(raw).warnings == ["BTS-1 of batch 1 does not agree with its 2 messages"]
    with pytest.raises(BusError) as caught:
        Hl7({"strict": True}).split(raw)
    assert (caught.value.code, caught.value.spot) == (Code.VALIDATION_FAILED, "BTS^1^1")


def test_a_batch_torn_off() -> None:
    raw = enclosed(ONE, TWO).split(b"BTS")[0]
    assert read_file(raw).warnings == ["batch 1 has no BTS", "the file has no FTS"]


def test_leading_zeros_count_alike() -> None:
    assert read_file(enclosed(ONE, TWO).replace(b"BTS|2", b"BTS|002")).warnings == []


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(BusError) as caught:
        split(enclosed())
    assert caught.value.code is Code.NOT_READABLE


def test_a_batch_is_answered_by_a_batch() -> None:
    (answer,) = answers(enclosed(ONE, TWO), None, BusError(Code.VALIDATION_FAILED, "wrong", spot="PID^1^3"))
    segments = [segment.split("|") for segment in answer.decode().split("\r")]
    assert [segment[0] for segment in segments] == ["FHS", "BHS", "MSH", "MSA", "MSH", "MSA", "ERR", "BTS", "FTS", ""]
    assert segments[0][2:6] == ["BUS", "H", "LIS", "H"]
    assert (segments[0][11], segments[1][11]) == ("F1", "B1")
    assert [segments[3][1:3], segments[5][1:3]] == [["AA", "M1"], ["AE", "M2"]]
    assert (segments[7][1], segments[8][1]) == ("2", "1")
    ids = [segment[9] for segment in segments if segment[0] == "MSH"] + [segments[0][10], segments[1][10]]
    assert len(set(ids)) == 4
    assert all(len(found) <= 20 for found in ids)


def test_bare_messages_are_answered_one_by_one() -> None:
    frames = answers(ONE + TWO, None, None)
    assert [frame.split(b"|")[-1] for frame in frames] == [b"M1\r", b"M2\r"]


def test_senders_who_want_no_answer_get_none() -> None:
    silent = ONE.replace(b"|2.5.1", b"|2.5.1|||NE|NE")
    assert answers(enclosed(silent, silent), None, None) == ()


def test_every_batch_of_a_file_is_answered() -> None:
    raw = (BATCH / "multi-batch-file.hl7").read_bytes()
    (answer,) = answers(raw, *[None] * len(FORMAT.split(raw)))
    names = [segment[:3] for segment in answer.decode().split("\r")]
    assert (names.count("BHS"), names.count("BTS"), names.count("FHS"), names.count("MSA")) == (
        2,
        2,
        1,
        len(FORMAT.split(raw)),
    )
