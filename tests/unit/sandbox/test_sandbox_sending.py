"""The senders: in order, to the end, with the same control id, and a ledger of all of it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server
from hospital_peer import Peer, ack, control_id, fields, until

from sandbox.hospital import Hospital, Settings
from sandbox.reports import Mistake, Wish

Idle = Callable[[], object]


def sendings(hospital: Hospital, control: str = "") -> list[dict[str, object]]:
    return hospital.store.all("select * from sendings where ? in ('', control_id) order by id", control)


def states(hospital: Hospital) -> dict[str, str]:
    return {row["control_id"]: row["state"] for row in hospital.store.all("select control_id, state from outbox")}


@pytest.mark.parametrize(
    "sender", ["lis-main", "lis-north", "lis-lake", "lis-micro", "pacs-main", "pacs-north", "pacs-lake"]
)
async def test_every_sender_is_acknowledged_without_complaint(
    hospital: Hospital, peer: Peer, idle: Idle, sender: str
) -> None:
    made = hospital.desk.publish(Wish(kind="lab" if sender.startswith("lis") else "exam", sender=sender))
    await until(lambda: peer.frames and idle())
    assert peer.ids == [made["control_id"]]
    (row,) = sendings(hospital)
    assert (row["outcome"], row["complaints"], row["n"]) == ("accepted", "", 1)
    assert row["ack_code"] == ("CA" if sender in ("lis-lake", "pacs-lake") else "AA")
    assert bytes(row["ack"]) == ack(peer.frames[0])


async def test_python_hl7s_own_server_understands_us(chosen: Settings) -> None:
    got: list[str] = []

    async def serve(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        while True:
            try:
                message = await reader.readmessage()
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                return
            got.append(str(message.segment("PID")[5]))
            writer.writemessage(message.create_ack())
            await writer.drain()

    server = await start_hl7_server(serve, "127.0.0.1", 0, encoding="utf-8")
    hospital = Hospital(replace(chosen, bus=server.sockets[0].getsockname()[:2]))
    await hospital.start()
    try:
        made = hospital.desk.publish(Wish(sender="lis-main"))
        await until(lambda: states(hospital)[made["control_id"]] == "acked")
        name = hospital.reports.facts(made["report"], 1).patient["name"]
        assert got[0].endswith(f"^{name}")
        assert "MSH-18" in sendings(hospital)[0]["complaints"], "a sloppy acknowledgement is taken, and written down"
    finally:
        await hospital.stop()
        server.close()


async def test_silence_is_answered_by_the_same_control_id_with_a_new_time(
    hospital: Hospital, peer: Peer, idle: Idle
) -> None:
    peer.answer = lambda raw, number: [ack(raw)] if number == 3 else None
    made = hospital.desk.publish(Wish(sender="lis-main"))
    await until(lambda: peer.frames and idle())
    assert peer.ids == [made["control_id"]] * 3
    rows = sendings(hospital)
    assert [row["outcome"] for row in rows] == ["silent", "silent", "accepted"]
    assert [row["n"] for row in rows] == [1, 2, 3]
    bodies = {frame.partition(b"\r")[2] for frame in peer.frames}
    assert len(bodies) == 1, "nothing but MSH-7 may change"
    assert peer.connections == 3, "after a silence the connection is not trusted again"


async def test_an_ack_of_another_message_is_no_ack(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    peer.answer = lambda raw, number: [ack(raw, of="" if number > 1 else "SOMETHING-ELSE")]
    hospital.desk.publish(Wish(sender="lis-main"))
    await until(lambda: peer.frames and idle())
    outcomes = [row["outcome"] for row in sendings(hospital)]
    assert sorted(outcomes) == ["accepted", "silent", "stray answer"]


async def test_an_error_is_tried_again_a_few_times_and_then_dead(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    peer.answer = lambda raw, number: [ack(raw, "AE" if number <= 3 else "AA", more="|bad field")]
    first = hospital.desk.publish(Wish(sender="lis-main"))
    second = hospital.desk.publish(Wish(sender="lis-main"))
    await until(lambda: len(peer.frames) == 4 and idle())
    assert peer.ids == [first["control_id"]] * 3 + [second["control_id"]], "the next one waits its turn"
    assert states(hospital) == {first["control_id"]: "dead", second["control_id"]: "acked"}
    assert sendings(hospital)[0]["ack_text"] == "bad field"


async def test_a_rejection_is_dead_at_once(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    peer.answer = lambda raw, number: [ack(raw, "AR")]
    made = hospital.desk.publish(Wish(sender="lis-main"))
    await until(lambda: peer.frames and idle())
    assert len(peer.frames) == 1
    assert states(hospital) == {made["control_id"]: "dead"}


async def test_order_holds_while_the_peer_comes_and_goes(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    dropped = set()

    def answer(raw: bytes, number: int) -> list[bytes] | None:
        if number % 4 == 0 and raw not in dropped:
            dropped.add(raw)
            peer.hang_up()
            return None
        return [ack(raw)]

    peer.answer = answer
    made = [hospital.desk.publish(Wish(kind="exam", sender="pacs-main"))["control_id"] for _ in range(12)]
    await until(lambda: len(set(peer.ids)) == 12 and idle())
    first_seen = list(dict.fromkeys(peer.ids))
    assert first_seen == made
    assert "broken" in {row["outcome"] for row in sendings(hospital)}


async def test_nobody_there_means_nothing_sent_and_nothing_lost(chosen: Settings, peer: Peer) -> None:
    await peer.close()
    hospital = Hospital(chosen)
    await hospital.start()
    made = hospital.desk.publish(Wish(sender="lis-main"))
    await until(lambda: hospital.senders["lis-main"].state()["trouble"])
    assert sendings(hospital) == []
    await hospital.stop()

    await peer.open(peer.port)
    again = Hospital(chosen)
    await again.start()
    try:
        await until(lambda: peer.frames)
        assert peer.ids == [made["control_id"]]
    finally:
        await again.stop()


async def test_an_application_acknowledgement_follows_and_is_confirmed(
    hospital: Hospital, peer: Peer, idle: Idle
) -> None:
    made = hospital.desk.publish(Wish(kind="exam", sender="pacs-lake"))
    await until(lambda: peer.frames and idle())
    peer.put(ack(peer.frames[0], "AA").replace(b"|P|2.7||||||", b"|P|2.7|||AL|NE||"))
    await until(lambda: len(peer.frames) == 2)
    (row,) = sendings(hospital)
    assert (row["ack_code"], row["application_code"]) == ("CA", "AA")
    assert f"MSA|CA|A{made['control_id']}".encode() in peer.frames[1]


async def test_an_answer_too_many_is_written_down(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    peer.answer = lambda raw, number: [ack(raw), ack(raw)]
    made = hospital.desk.publish(Wish(sender="lis-main"))
    await until(lambda: len(sendings(hospital)) == 2)
    assert [row["outcome"] for row in sendings(hospital, made["control_id"])] == ["accepted", "stray answer"]


async def test_a_batch_goes_in_one_frame_and_is_decided_message_by_message(hospital: Hospital, peer: Peer) -> None:
    def answer(raw: bytes, number: int) -> list[bytes] | None:
        messages = [b"MSH|" + part for part in raw.split(b"MSH|")[1:]]
        if number > 1:
            return [ack(one) for one in messages]
        replies = b"".join(ack(one, "AE" if i == 1 else "AA") for i, one in enumerate(messages))
        return [b"FHS|^~\\&|HIP\rBHS|^~\\&|HIP\r" + replies + b"BTS|3\rFTS|1\r"]

    peer.answer = answer
    await hospital.desk.burst(3, 1, "lis-main", batch=3)
    await until(lambda: len(peer.frames) == 2 and set(states(hospital).values()) == {"acked"})
    lines = peer.frames[0].split(b"\r")
    assert [line[:3] for line in (lines[0], lines[1], lines[2])] == [b"FHS", b"BHS", b"MSH"]
    assert lines[-3:] == [b"BTS|3", b"FTS|1", b""]
    assert peer.frames[0].count(b"MSH|") == 3
    assert peer.frames[1].count(b"MSH|") == 1, "only what was refused goes again"


async def test_one_answer_may_stand_for_the_whole_batch(hospital: Hospital, peer: Peer) -> None:
    peer.answer = lambda raw, number: [
        ack(b"MSH|" + raw.split(b"MSH|")[1], of=raw.split(b"\r")[1].decode("utf-8").split("|")[10])
    ]
    await hospital.desk.burst(4, 1, "lis-main", batch=4)
    await until(lambda: set(states(hospital).values()) == {"acked"})
    assert len(peer.frames) == 1


async def test_a_burst_spreads_patients_over_connections(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    await hospital.desk.burst(60, 4, "lis-main")
    await until(lambda: len(peer.frames) == 60 and idle(), 20)
    lines = hospital.store.all("select o.line, r.patient from outbox o join reports r on r.id = o.report")
    used = Counter(row["line"] for row in lines)
    assert set(used) == {1, 2, 3, 4}
    assert max(used.values()) < 30, "none carries half of them"
    by_patient: dict[str, set[int]] = {}
    for row in lines:
        by_patient.setdefault(row["patient"], set()).add(row["line"])
    assert all(len(taken) == 1 for taken in by_patient.values())
    assert peer.connections == 4


async def test_the_numbers_of_the_north_begin_again(chosen: Settings, peer: Peer) -> None:
    hospital = Hospital(chosen)
    await hospital.start()
    for _ in range(2):
        hospital.desk.publish(Wish(sender="lis-north"))
    await until(lambda: len(peer.frames) == 2)
    hospital.desk.restart_numbering("lis-north")
    hospital.desk.publish(Wish(sender="lis-north"))
    with pytest.raises(Mistake):
        hospital.desk.restart_numbering("lis-main")
    await until(lambda: len(peer.frames) == 3)
    await hospital.stop()
    again = Hospital(chosen)
    await again.start()
    try:
        again.desk.publish(Wish(sender="lis-north"))
        await until(lambda: len(peer.frames) == 4)
        assert peer.ids == ["1", "2", "1", "1"]
        assert len({frame.partition(b"\r")[2] for frame in peer.frames}) == 4, "four different results"
    finally:
        await again.stop()


async def test_correct_withdraw_late_and_resend(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    report = hospital.desk.publish(Wish(sender="lis-main", status="P"))["report"]
    hospital.desk.final(report)
    hospital.desk.correct(report)
    hospital.desk.late_old_version(report)
    hospital.desk.withdraw(report)
    hospital.desk.resend(report)
    hospital.desk.resend(report, new_id=True)
    await until(lambda: len(peer.frames) == 7 and idle())
    seen = []
    for frame in peer.frames:
        obr = next(line for line in frame.decode().split("\r") if line.startswith("OBR")).split("|")
        assert obr[3] == report
        seen.append((obr[25], obr[22]))
    statuses = [status for status, _ in seen]
    assert statuses == ["P", "F", "C", "F", "X", "X", "X"]
    times = [at for _, at in seen]
    assert times[0] < times[1] < times[2] < times[4]
    assert times[3] == times[1], "the late old version keeps its own result time"
    assert peer.ids[5] == peer.ids[4]
    assert peer.frames[5].partition(b"\r")[2] == peer.frames[4].partition(b"\r")[2]
    assert peer.ids[6] not in peer.ids[:6]
    assert len(set(peer.ids)) == 6


async def test_control_ids_are_of_many_lengths(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    for sender in ("lis-main", "lis-north", "lis-micro"):
        hospital.desk.publish(Wish(sender=sender))
    await until(lambda: len(peer.frames) == 3 and idle())
    lengths = {fields(frame)[3]: len(control_id(frame)) for frame in peer.frames}
    assert lengths["LIS"] <= 20
    assert lengths["LIS-BY"] == 1
    assert lengths["MICRO"] == 36


async def test_the_rhythm_of_the_day(chosen: Settings, peer: Peer) -> None:
    hospital = Hospital(replace(chosen, traffic=6000, history=20))
    await hospital.start()
    try:
        assert hospital.store.value("select count(*) from reports") == 20
        assert hospital.store.value("select count(*) from outbox") == 0, "the weeks before are history"
        await until(lambda: {"F", "C"} <= {row["status"] for row in hospital.store.all("select status from outbox")})
        await until(lambda: len(peer.frames) > 20)
    finally:
        await hospital.stop()


@pytest.mark.parametrize(
    ("sender", "code", "word"), [("lis-main", "CA", "original mode"), ("lis-lake", "AA", "commit")]
)
async def test_the_wrong_mode_is_understood_and_complained_of(
    hospital: Hospital, peer: Peer, idle: Idle, sender: str, code: str, word: str
) -> None:
    peer.answer = lambda raw, number: [ack(raw, code)]
    hospital.desk.publish(Wish(sender=sender))
    await until(lambda: peer.frames and idle())
    (row,) = sendings(hospital)
    assert row["outcome"] == "accepted"
    assert word in row["complaints"]


@pytest.mark.parametrize("fresh", [True, False])
async def test_a_new_try_has_a_new_time_or_the_old_one_as_chosen(chosen: Settings, peer: Peer, fresh: bool) -> None:
    hospital = Hospital(replace(chosen, pace=replace(chosen.pace, fresh_time=fresh)))
    await hospital.start()
    try:
        down = hospital.faults.add({"system": "lis-main", "kind": "down"})
        hospital.desk.publish(Wish(sender="lis-main"))
        raw = bytes(hospital.store.value("select message from outbox"))
        old = raw.replace(fields(raw)[7].encode(), b"20200101000000", 1)
        hospital.store.run("update outbox set message = ?", old)
        peer.answer = lambda frame, number: [ack(frame)] if number == 2 else None
        hospital.faults.remove(down.id)
        await until(lambda: len(peer.frames) == 2)
        assert peer.frames[0] == old
        assert (fields(peer.frames[1])[7] > "2026") is fresh
        assert (peer.frames[1] == old) is not fresh
    finally:
        await hospital.stop()


async def test_what_was_under_way_when_it_ended_is_said(chosen: Settings, peer: Peer) -> None:
    peer.answer = lambda raw, number: None
    hospital = Hospital(chosen)
    await hospital.start()
    hospital.desk.publish(Wish(sender="lis-main"))
    await until(lambda: peer.frames)
    await hospital.stop()
    again = Hospital(chosen)
    assert sendings(again)[0]["outcome"] == "stopped"
    again.store.run("update sendings set outcome = 'under way'")  # what a kill leaves behind
    await again.start()
    try:
        assert sendings(again)[0]["outcome"] == "restarted"
    finally:
        await again.stop()
