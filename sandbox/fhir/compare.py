"""The reports that were acknowledged beside what the clinical data repository has of them.

Looked at once everything has come to rest: the newest acknowledged version of each report is the truth. Verdicts:

- `ok`: one DiagnosticReport of that version's time and status, with the results of that version and no other;
- `missing`, `duplicate`: no DiagnosticReport of that number, or several;
- `stale`: another version's;
- `wrong`: the right version with another status, other results, or somebody else's patient;
- `unexpected`: of no report that was acknowledged.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox import times

if TYPE_CHECKING:
    from sandbox.fhir.shelf import Kept, Shelf
    from sandbox.store import Row, Store

_ACKED = """
select v.report, v.n as version, v.status, v.at, v.content, r.patient, r.kind, count(distinct v2.n) as versions
from versions v join reports r on r.id = v.report
join outbox o on o.report = v.report and o.version = v.n and o.state = 'acked'
join outbox o2 on o2.report = v.report and o2.state = 'acked'
join versions v2 on v2.report = o2.report and v2.n = o2.version and v2.n <= v.n
group by v.report, v.n order by v.report, v.n
"""
_STATUS = {"P": "preliminary", "F": "final", "C": "corrected"}
_WITHDRAWN = "X"
_ERROR = "entered-in-error"
_TEXTS = 2  # of an imaging report: findings and impression


def compare(store: Store, shelf: Shelf) -> dict[str, Any]:
    """`{summary: {verdict: count}, rows: [...]}`; one row a report."""
    newest = {row["report"]: row for row in store.all(_ACKED)}
    found: dict[str, list[Kept]] = {}
    for kept in shelf.all("DiagnosticReport"):
        found.setdefault(_number(kept, "/report"), []).append(kept)
    results: dict[str, list[Kept]] = {}
    for kept in shelf.all("Observation"):
        results.setdefault(_number(kept, "/result").partition(".")[0], []).append(kept)
    patients = {f"Patient/{kept.id}": _number(kept, "/patient") for kept in shelf.all("Patient")}
    rows = []
    for number in sorted({*newest, *found}):
        row, there = newest.get(number), found.get(number, [])
        verdict = "unexpected" if row is None else _verdict(row, there, results.get(number, []), patients)
        rows.append({"report": number, "status": row["status"] if row else "", "kept": len(there), "verdict": verdict})
    return {"summary": dict(Counter(row["verdict"] for row in rows)), "rows": rows}


def _verdict(row: Row, there: list[Kept], results: list[Kept], patients: dict[str, str]) -> str:
    if len(there) != 1:
        return "duplicate" if there else "missing"
    report = there[0].content
    if datetime.fromisoformat(report["issued"]).timestamp() != row["at"] // times.SECOND:
        return "stale"
    withdrawn = row["status"] == _WITHDRAWN
    status = _STATUS.get(row["status"]) or (_ERROR if row["versions"] > 1 else "cancelled")
    standing = [kept for kept in results if kept.content["status"] != _ERROR]
    named = {f"Observation/{kept.id}" for kept in standing}
    fits = (
        report["status"] == status
        and patients.get(report["subject"]["reference"]) == row["patient"]
        and len(standing) == (0 if withdrawn else _expected(row))
        and {one["reference"] for one in report.get("result", [])} == named
    )
    return "ok" if fits else "wrong"


def _expected(row: Row) -> int:
    return len(json.loads(row["content"])) if row["kind"] == "lab" else _TEXTS


def _number(kept: Kept, end: str) -> str:
    """The value of the identifier whose system ends so."""
    identifiers = kept.content.get("identifier", [])
    return next((str(one["value"]) for one in identifiers if str(one.get("system", "")).endswith(end)), "")
