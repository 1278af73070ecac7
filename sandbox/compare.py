"""Two ledgers side by side: what the LIS and PACS were told is accepted, and what reached the patients.

A message at the gateway belongs to the version of a report whose number and result time it names. Verdicts:

- `ok`: arrived once, at the right person;
- `missing`: acknowledged, publishable, newest at that time, and not arrived;
- `duplicate`: arrived more than once;
- `misdirected`: arrived under another patient or phone than the report's;
- `unexpected`: arrived though it may not (preliminary), or was never acknowledged, or no such version exists;
- `optional`: did not arrive and need not (preliminary, withdrawn, late old version), or is not acknowledged yet.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sandbox import times

if TYPE_CHECKING:
    from sandbox.store import Row, Store

_PUBLISHABLE = ("F", "C")
_SCENES = {"REPORT_READY": ("F",), "REPORT_CORRECTED": ("C",), "REPORT_WITHDRAWN": ("X",)}

_SENT = """
select v.report, v.n as version, v.status, v.at, r.patient, p.mobile, r.sender, count(o.seq) as messages,
       min(case when o.state = 'acked' then o.ended_at end) as acked_at
from versions v join reports r on r.id = v.report join patients p on p.id = r.patient
join outbox o on o.report = v.report and o.version = v.n
group by v.report, v.n order by min(o.seq)
"""
_ARRIVED = """
select serial_no, msg_id, scene, patient_id, mobile, at, params ->> 'reportNo' as report,
       params ->> 'reportTime' as report_time from gateway_messages order by at, serial_no
"""


def compare(store: Store) -> dict[str, Any]:
    """`{summary: {verdict: count}, rows: [...]}`; one row a version that was sent, then one a stranger."""
    arrived: dict[tuple[str, str], list[Row]] = {}
    for message in store.all(_ARRIVED):
        arrived.setdefault((message["report"], message["report_time"]), []).append(message)
    sent = store.all(_SENT)
    newest_acked = _replaced_at(sent)
    rows = [_row(one, arrived.pop((one["report"], times.shown(one["at"])), []), newest_acked) for one in sent]
    rows += [_stranger(message) for messages in arrived.values() for message in messages]
    return {"summary": dict(Counter(row["verdict"] for row in rows)), "rows": rows}


def _replaced_at(sent: list[Row]) -> dict[tuple[str, int], int]:
    """When, for each version, a newer one of the same report had been acknowledged."""
    replaced: dict[tuple[str, int], int] = {}
    earliest: dict[str, int] = {}  # of the versions seen so far, newest first
    for one in sorted(sent, key=itemgetter("version"), reverse=True):
        if one["report"] in earliest:
            replaced[one["report"], one["version"]] = earliest[one["report"]]
        if one["acked_at"] is not None:
            earliest[one["report"]] = min(one["acked_at"], earliest.get(one["report"], one["acked_at"]))
    return replaced


def _row(sent: Row, arrived: list[Row], replaced: dict[tuple[str, int], int]) -> dict[str, Any]:
    late = replaced.get((sent["report"], sent["version"]), sent["acked_at"] or 0) < (sent["acked_at"] or 0)
    expected = sent["acked_at"] is not None and sent["status"] in _PUBLISHABLE and not late
    return {
        "report": sent["report"],
        "version": sent["version"],
        "status": sent["status"],
        "sender": sent["sender"],
        "acked_at": times.shown(sent["acked_at"]),
        "messages": sent["messages"],
        "arrived": len(arrived),
        "serials": [message["serial_no"] for message in arrived],
        "verdict": _verdict(sent, arrived, expected=expected),
    }


def _verdict(sent: Row, arrived: list[Row], *, expected: bool) -> str:
    if not arrived:
        return "missing" if expected else "optional"
    if any((one["patient_id"], one["mobile"]) != (sent["patient"], sent["mobile"]) for one in arrived):
        return "misdirected"
    if sent["acked_at"] is None or any(sent["status"] not in _SCENES[one["scene"]] for one in arrived):
        return "unexpected"
    return "duplicate" if len(arrived) > 1 else "ok"


def _stranger(message: Row) -> dict[str, Any]:
    return {
        "report": message["report"],
        "version": 0,
        "status": "",
        "sender": "",
        "acked_at": "",
        "messages": 0,
        "arrived": 1,
        "serials": [message["serial_no"]],
        "verdict": "unexpected",
    }
