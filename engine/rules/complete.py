"""Completeness (资料完善): which required data of a patient is missing. Catalog: patient.completeness."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry.operation import Asked, Operation, Refusal, pure
from engine.settings.conduct import Complete

_GUARDIAN = "guardian."


def missing(patient: Mapping[str, Any], scene: str, rules: Complete, today: date) -> list[str]:
    """The required fields without a value, in the order of the settings. A guardian's count for a child only; whoever
    has no date of birth is none.
    """
    required = rules.bind if scene == "bind" else rules.appointment
    child = _is_below(patient.get("birth_date"), rules.guardian_below, today)
    wanted = [name for name in required if child or not name.startswith(_GUARDIAN)]
    return [name for name in wanted if not str(_value(patient, name) or "").strip()]


def completeness(asked: Asked) -> Shape:
    """What is missing for a scene."""
    scene = asked.document["scene"]
    found = missing(asked.document["patient"], scene, asked.rules.complete, asked.at.date())
    return {"scene": scene, "complete": not found, "missing": found}


def require_complete(asked: Asked) -> Shape | Refusal:
    """The same, refused where something is missing."""
    found = completeness(asked)
    return found if found["complete"] else Refusal(Code.PATIENT_INCOMPLETE, ",".join(found["missing"]))


def _value(patient: Mapping[str, Any], path: str) -> Any:
    first, _, below = path.partition(".")
    found = patient.get(first)
    return found.get(below) if below and isinstance(found, Mapping) else None if below else found


def _is_below(born: str | None, years: int, today: date) -> bool:
    if not born:
        return False
    birth = date.fromisoformat(born)
    had_birthday = (today.month, today.day) >= (birth.month, birth.day)
    return today.year - birth.year - (not had_birthday) < years


OPERATIONS = (
    Operation(
        "completeness",
        "Which required data of a patient is missing.",
        "completeness_try",
        "completeness",
        Effect.NONE,
        pure(completeness),
    ),
    Operation(
        "require_complete",
        "The same, refused where something is missing.",
        "completeness_try",
        "completeness",
        Effect.NONE,
        pure(require_complete),
        (Code.PATIENT_INCOMPLETE,),
    ),
)
