"""Completeness: fields by scene, a guardian's for a child only, each campus its own."""

import pytest
from rules_desk import asked, said

from engine.rules.complete import completeness, require_complete
from engine.settings.conduct import Complete, Rules, RulesAt

PATIENT = {"name": "张三", "id_type": "ID_CARD", "id_no": "110101190003070010", "mobile": "13800001234"}
GUARDED = {"complete": {"bind": ["name", "guardian.name", "guardian.mobile"]}}


def missing(scene, patient, at="2026-11-20T10:00:00", **rules):
    return completeness(asked({"scene": scene, "patient": patient}, at, **rules))["missing"]


def test_each_scene_asks_for_its_own():
    assert missing("bind", PATIENT) == []
    assert missing("appointment", PATIENT) == ["sex", "birth_date"]
    assert said(require_complete(asked({"scene": "bind", "patient": {}}))) == "PATIENT_INCOMPLETE"
    assert said(require_complete(asked({"scene": "bind", "patient": PATIENT})))["complete"]


@pytest.mark.parametrize("empty", [None, "", "   "])
def test_what_is_empty_is_missing(empty):
    assert missing("bind", {**PATIENT, "mobile": empty}) == ["mobile"]


@pytest.mark.parametrize(
    ("born", "lacks"),
    [
        ("2012-11-21", ["guardian.name", "guardian.mobile"]),  # thirteen until tomorrow
        ("2012-11-20", []),  # fourteen today
        (None, []),
        ("2020-02-29", ["guardian.name", "guardian.mobile"]),
    ],
)
def test_a_guardian_is_asked_for_below_fourteen(born, lacks):
    assert missing("bind", {"name": "张三", "birth_date": born}, **GUARDED) == lacks


def test_a_guardian_who_is_there_is_enough():
    child = {"name": "张三", "birth_date": "2020-01-01", "guardian": {"name": "李四", "mobile": "13800001234"}}
    assert missing("bind", child, **GUARDED) == []


def test_a_campus_has_its_own():
    rules = Rules(at={"north": RulesAt(complete=Complete(bind=["sex"]))})
    assert rules.of("north").complete.bind == ["sex"]
    assert rules.of("north").limits == rules.limits
    assert rules.of("main").complete.bind == ["name", "id_type", "id_no", "mobile"]
