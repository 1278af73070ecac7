"""Whoever breaks the shipped texts hears of it where he did, first, with what to do about it."""

import re
import shutil
from pathlib import Path

import pytest

import adapters
from engine.app.check import check
from engine.base.ids import SystemIds
from engine.settings.problems import Problems

ROOT = Path(__file__).parents[3]
KINDS = {name: adapters.load(name) for name in adapters.NAMES}
HIS, SANDBOX, ROUTES = "mappings/his/donghua.yaml", "config/sandbox.yaml", "routes.yaml"

BREAKS = [
    (ROUTES, "appointment.unlock: {to: his.unlock", "appointment.unlock: {to: his.unlok", "did you mean 'unlock'?"),
    (ROUTES, "unlock: {to: his.unlock, within: 8s}", "unlock: {to: his.unlock, cache: 8s}", "has effect: none"),
    (
        ROUTES,
        "appointment.get: {to: his.booking,",
        "appointment.get: {to: his.booking, cache: 9s,",
        "leave 'cache' out",
    ),
    (ROUTES, "{to: his.unlock, within: 8s}", "{to: his.unlock, within: 8}", "write 8s, 8m or 8h"),
    (ROUTES, "map: lock_back", "map: booking_lock_back", "put a map of mappings/between/ before it"),
    (ROUTES, "merge: {into: schedules,", "merge: {into: schedule,", "did you mean 'schedules'?"),
    (ROUTES, "from: [route, his.stops]", "from: [route]", "whose profile says poll:"),
    (ROUTES, "    schedule: {every: 3m, missed: run_once}\n", "", "write schedule: {every: 3m}"),
    (ROUTES, "any: {to: his.schedules,", "any: {to: his.doctors,", "all give the same one"),
    (HIS, "soap: {operation: LockOrder}", "soap: {operation: LockOrders}", "did you mean 'LockOrder'?"),
    (HIS, "wsdl: donghua.wsdl", "wsdl: donghu.wsdl", "did you mean 'donghua.wsdl'?"),
    (HIS, "dept_id: DepartmentCode", "deptid: DepartmentCode", "make it optional in the shape"),
    ("mappings/shapes/lock.yaml", "type: ", "typ: ", "did you mean 'type'?"),
    ("mappings/contracts/appointments.yaml", "at: patient_id", "at: patientid", "did you mean 'patient_id'?"),
    (SANDBOX, "profile: his/donghua", "profile: his/donghau", "did you mean 'his/donghua'?"),
    (SANDBOX, 'hospital_id: "1", ', "", "write settings: {hospital_id: …}"),
    (SANDBOX, "campuses: [north]", "campuses: [nroth]", "did you mean 'north'?"),
]


@pytest.mark.parametrize(("file", "old", "new", "advice"), BREAKS, ids=[new.strip()[:40] for _, _, new, _ in BREAKS])
def test_a_mistake_is_the_first_finding(tmp_path: Path, file: str, old: str, new: str, advice: str) -> None:
    for name in ("config", "mappings"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / ROUTES, tmp_path)
    text = (tmp_path / file).read_text("utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), "utf-8")
    secrets = ["journal_key", *re.findall(r"secret: (\w+)", (ROOT / SANDBOX).read_text("utf-8"))]
    environ = {f"HISBUS_SECRET_{name.upper()}": "0123456789abcdef" * 2 for name in secrets}
    problems = Problems()
    assert check(tmp_path, "sandbox", environ, KINDS, SystemIds(), problems) is None
    first = min(problems, key=lambda one: (one.where.file, one.where.line or 0))
    assert (first.where.file, advice in first.hint) == (file, True), first
