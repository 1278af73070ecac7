"""Rows that the regulator will not take: what is wrong with them, by subject. Correcting one takes it back."""

from typing import Any

from sandbox.reports import Mistake

Row = dict[str, Any]
_LONG = "症状时轻时重,无明显诱因。" * 50

SPOILS: dict[str, dict[str, Row]] = {
    "consultation": {"empty": {"content": "", "patient_mobile": ""}, "long": {"content": _LONG}},
    "revisit": {
        "empty": {"history": "", "patient_mobile": ""},
        "long": {"history": _LONG},
        "guardian": {"guardian_id_no": None, "guardian_name": None, "guardian_mobile": None},
        "insurance_code": {"diagnosis_code": "insurance_diagnosis_code"},
    },
    "prescription": {
        "empty": {"auditor_id_no": ""},
        "unknown_drug": {},
        "insurance_code": {"diagnosis_codes": "insurance_diagnosis_codes"},
    },
    "verification": {"empty": {"person": ""}},
    "drug": {"empty": {"packing": ""}},
    "evaluation": {"empty": {"comment_text": ""}, "unknown_business": {"business_id": "FC999999990001"}},
    "dispute": {"empty": {"reason": ""}},
}
"""By table and kind: the values that make the row wrong; of `insurance_code`, the column that stands in for another."""

UNKNOWN_DRUG = "YP9999"


def wrong_values(table: str, kind: str, row: Row) -> Row:
    """What to write into a right row to make it wrong."""
    if kind not in SPOILS[table]:
        raise Mistake(f"{table} can be wrong as {', '.join(SPOILS[table])}")
    values = SPOILS[table][kind]
    return {name: row[value] if kind == "insurance_code" else value for name, value in values.items()}
