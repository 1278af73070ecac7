"""What each fault of a sender looks like from the other side of the wire."""

from collections.abc import Callable

import pytest
from hospital_peer import Peer, ack, fields, until

from sandbox import times
from sandbox.hospital import Hospital
from sandbox.reports import Wish

Idle = Callable[[], object]


def outcomes(hospital: Hospital) -> list[str]:
    return [row["outcome"] for row in hospital.store.all("select outcome from sendings order by id")]


async def publish(hospital: Hospital, peer: Peer, idle: Idle, fault: str, **more: object) -> None:
    hospital.faults.add({"system": "lis-main", "kind": fault, "times": 1, **more})
    hospital.desk.publish(Wish(sender="lis-main", item="CBC"))
    await until(lambda: peer.frames and idle())


async def test_fragments(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "fragment", amount=40)
    assert peer.chunks > 10
    assert outcomes(hospital) == ["accepted"]


async def test_garbage_before_the_frame(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "garbage")
    assert peer.raw.index(b"\x0b") > 0
    assert outcomes(hospital) == ["accepted"]


async def test_a_missing_cr(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "missing_cr")
    assert peer.raw.endswith(b"\x1c")
    assert not peer.raw.endswith(b"\x1c\r")


async def test_a_double_frame(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "double")
    await until(lambda: len(peer.frames) == 2 and len(outcomes(hospital)) == 2)
    assert peer.frames[0] == peer.frames[1]
    assert outcomes(hospital) == ["accepted", "stray answer"]


async def test_half_a_frame_and_a_reset(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "half")
    assert outcomes(hospital) == ["broken", "accepted"]
    assert len(peer.frames) == 1
    assert peer.connections == 2


async def test_a_reset_after_sending(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "reset_after")
    assert peer.ids[0] == peer.ids[1], "the peer read it twice, and must know"
    assert outcomes(hospital)[-1] == "accepted"


async def test_a_deaf_sender_sends_again(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "deaf")
    assert outcomes(hospital) == ["silent", "accepted"]
    assert peer.ids[0] == peer.ids[1]


async def test_a_wrong_charset(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "wrong_charset")
    assert fields(peer.frames[0])[18] == "UNICODE UTF-8"
    with pytest.raises(UnicodeDecodeError):
        peer.frames[0].decode("utf-8")
    assert "检验" in peer.frames[0].decode("gb18030")


async def test_a_clock_that_is_ahead(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await publish(hospital, peer, idle, "clock_skew", amount=7200)
    assert fields(peer.frames[0])[7] > times.hl7(times.now() + 7000 * times.SECOND)


async def test_a_delay(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    before = times.now()
    await publish(hospital, peer, idle, "delay", amount=0.3)
    assert times.now() - before > 0.3 * times.SECOND


async def test_a_pipeline(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    waiting: list[bytes] = []

    def answer(raw: bytes, _number: int) -> list[bytes] | None:
        waiting.append(ack(raw))
        if len(waiting) < 5:
            return None
        replies, waiting[:] = list(waiting), []
        return replies

    peer.answer = answer  # nothing is answered before five have come
    hospital.faults.add({"system": "lis-main", "kind": "pipeline", "amount": 5})
    made = [hospital.desk.publish(Wish(sender="lis-main"))["control_id"] for _ in range(10)]
    await until(lambda: len(peer.frames) == 10 and idle())
    assert peer.ids == made
    assert set(outcomes(hospital)) == {"accepted"}


async def test_down_and_up_again(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    fault = hospital.faults.add({"system": "lis", "kind": "down"})
    hospital.desk.publish(Wish(sender="lis-main"))
    hospital.desk.publish(Wish(kind="exam", sender="pacs-main"))
    await until(lambda: peer.frames)
    assert fields(peer.frames[0])[3] == "PACS", "the other group goes on"
    hospital.faults.remove(fault.id)
    await until(lambda: len(peer.frames) == 2 and idle())


async def test_a_fault_counts_and_a_chance_is_kept(hospital: Hospital) -> None:
    board = hospital.faults
    board.add({"system": "gateway", "kind": "refusal", "times": 2})
    assert ["refusal" in board.draw("gateway") for _ in range(4)] == [True, True, False, False]
    board.add({"system": "gateway", "kind": "refusal", "chance": 0.5})
    met = sum("refusal" in board.draw("gateway") for _ in range(400))
    assert 150 < met < 250
    assert not board.draw("lis-main")


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"system": "nobody", "kind": "delay"}, "no system"),
        ({"system": "gateway", "kind": "fragment"}, "no fault"),
        ({"system": "gateway", "kind": "delay", "chance": 0}, "chance"),
        ({"system": "gateway", "kind": "down", "times": 3}, "switched off"),
        ({"system": "gateway", "kind": "delay", "speed": 3}, "unknown field"),
        ({"system": "gateway", "kind": "delay", "amount": "much"}, "could not convert"),
    ],
)
async def test_a_wrong_wish_is_refused(hospital: Hospital, wish: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        hospital.faults.add(wish)
    assert hospital.faults.active() == []
