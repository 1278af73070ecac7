"""Rows of the internet hospital's tables: one maker a subject, plausible and right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.people import full_name, identity_number
from sandbox.warehouse import stock

if TYPE_CHECKING:
    from sandbox.store import Store

Row = dict[str, Any]
_BORN = datetime(1903, 3, 7)  # noqa: DTZ001 - a birthday has no zone
_CHANNELS = ("TEXT", "TEXT", "PHONE", "VIDEO")
_PAYMENTS = ("ALIPAY", "WECHAT", "WECHAT", "UNIONPAY")
_TEST = {"patient_name": "测试患者", "patient_id_no": "110101190003070010", "patient_mobile": "13800001234"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What every row begins with: its number, and when it was last written."""

    id: str
    at: datetime
    test: bool = False

    def head(self, column: str) -> Row:
        return {column: self.id, "version": 1, "changed_at": self.at, "is_test": int(self.test)}


class Makers:
    """Draws people and words; the same seed draws the same. Doctors and patients are the town's own."""

    def __init__(self, store: Store, seed: int) -> None:
        self._rng = Random(f"{seed}/warehouse")
        self._seed = seed
        marks = ", ".join("?" * len(stock.SUBJECTS))
        self._doctors = store.all(
            f"""select d.code, d.name, e.name as department from doctors d join departments e on e.code = d.department
                where e.name in ({marks}) order by d.code""",
            *stock.SUBJECTS,
        )
        self._patients = store.all("select * from patients order by id")

    def consultation(self, frame: Frame, state: str = "DONE") -> Row:
        doctor = self._doctor()
        return {
            **frame.head("consultation_id"),
            "state": state,
            "channel": self._rng.choice(_CHANNELS),
            "purpose": self._rng.choice(("CARE", "REPORT", "DRUG")),
            **_seen_by(doctor),
            **self._patient(frame),
            **self._course(frame, state),
            "price": Decimal("20.00"),
            "content": self._rng.choice(stock.QUESTIONS),
        }

    def revisit(self, frame: Frame, state: str = "DONE", *, child: bool = False) -> Row:
        doctor = self._doctor(stock.CHILDREN if child else "")
        illness = self._rng.choice(stock.ILLNESSES[doctor["department"]])
        return {
            **frame.head("revisit_id"),
            "state": state,
            "channel": self._rng.choice(_CHANNELS),
            **_seen_by(doctor),
            **self._patient(frame, child=child),
            "card_type": "VISIT",
            "card_no": f"C{self._rng.randrange(10**9, 10**10)}",
            "history": illness.history,
            "diagnosis_code": illness.clinical,
            "insurance_diagnosis_code": illness.insurance,
            "diagnosis": illness.name if state == "DONE" else "无",
            "earlier_diagnosis": illness.name,
            "is_revisit": 1,
            **self._course(frame, state),
            "price": Decimal("25.00"),
        }

    def prescription(self, frame: Frame, revisit: Row, kind: str = "WESTERN") -> tuple[Row, list[Row]]:
        """A prescription out of a revisit's row, and its items."""
        items = self._items(frame.id, kind)
        taken = ("subject_code", "subject_name", "dept_name", "history", "card_type", "card_no")
        people = [name for name in revisit if name.startswith(("doctor_", "patient_", "guardian_"))]
        pharmacist = Random(f"{self._seed}/pharmacist/{self._rng.randrange(3)}")
        return {
            **frame.head("prescription_id"),
            "state": "DONE",
            "public_no": sha256(f"{self._seed}/{frame.id}".encode()).hexdigest()[:32],
            "business_id": revisit["revisit_id"],
            "business_kind": "REVISIT",
            **{name: revisit[name] for name in (*taken, *people)},
            "auditor_id": "Y0001",
            "auditor_id_no": identity_number("110101", _BORN, 31, "F"),
            "auditor_name": full_name(pharmacist, "F")[0],
            "audited_at": frame.at - timedelta(minutes=4),
            "payer": self._rng.choice(("SELF", "INSURANCE")),
            "is_valid": 1,
            "checked": 1,
            "check_result": "合理",
            "diagnosis_codes": revisit["diagnosis_code"],
            "insurance_diagnosis_codes": revisit["insurance_diagnosis_code"],
            "diagnosis_names": revisit["earlier_diagnosis"],
            "kind": kind,
            "packets": 7 if kind == "HERBAL" else None,
            "prescribed_at": frame.at - timedelta(minutes=9),
            "valid_days": 3,
            "valid_from": frame.at.date(),
            "valid_to": frame.at.date() + timedelta(days=3),
            "total_fee": sum((_price(item) for item in items), Decimal(0)),
            "paid": 1,
            "dispensed": 1,
        }, items

    def verification(self, frame: Frame, prescription: Row, delivery: str = "PICKUP") -> Row:
        home = delivery == "HOSPITAL"
        return {
            **frame.head("verification_id"),
            "prescription_id": prescription["prescription_id"],
            "public_no": prescription["public_no"],
            "business_id": prescription["business_id"],
            "delivery": delivery,
            "verified_at": frame.at - timedelta(minutes=2),
            "firm": {"PICKUP": "示例医院门诊药房", "HOSPITAL": "示例医药配送"}.get(delivery),
            "person": full_name(self._rng, "M")[0],
            "delivery_from": frame.at - timedelta(minutes=90) if home else None,
            "delivery_to": frame.at - timedelta(minutes=3) if home else None,
            "delivery_fee": Decimal("8.00") if home else None,
            "total_fee": prescription["total_fee"],
            "paid": 1,
            "trade_no": f"4200{self._rng.randrange(10**16, 10**17)}",
        }

    def drug(self, frame: Frame, drug: stock.Drug) -> Row:
        return {
            **frame.head("drug_code"),
            "drug_class": drug.drug_class,
            "generic_name": drug.name,
            "packing": drug.packing,
            "maker": drug.maker,
            "price": Decimal(drug.price),
            "in_use": 1,
        }

    def evaluation(self, frame: Frame, revisit: Row) -> Row:
        satisfaction = self._rng.choice((3, 4, 5, 5, 5))
        return {
            **frame.head("evaluation_id"),
            "business_id": revisit["revisit_id"],
            "business_kind": "REVISIT",
            **{
                name: revisit[name]
                for name in ("subject_code", "dept_name", "doctor_id", "doctor_id_no", "doctor_name")
            },
            "satisfaction": satisfaction,
            "score": satisfaction * 2,
            "comment_text": self._rng.choice(stock.COMMENTS),
            "author": revisit["patient_name"],
            "evaluated_at": frame.at - timedelta(minutes=1),
        }

    def dispute(self, frame: Frame) -> Row:
        patient = self._patient(frame)
        return {
            **frame.head("dispute_id"),
            "business_kind": "REVISIT",
            "patient_name": patient["patient_name"],
            "patient_mobile": patient["patient_mobile"],
            "description": "患者认为问诊时间过短",
            "reason": "视频中断后未及时重新接通",
            "steps_taken": "已致电患者并安排再次问诊",
            "damage": "无",
            "improvements": "中断后五分钟内回拨",
            "happened_at": frame.at - timedelta(hours=5),
            "reported_by_dept": "互联网医院办公室",
            "reported_by": full_name(self._rng, "F")[0],
            "reported_at": frame.at - timedelta(minutes=5),
        }

    def _doctor(self, department: str = "") -> Row:
        return self._rng.choice([one for one in self._doctors if department in ("", one["department"])])

    def _patient(self, frame: Frame, *, child: bool = False) -> Row:
        someone = self._rng.choice(self._patients)
        row = {
            "patient_id_type": someone["id_type"],
            "patient_id_no": someone["id_number"],
            "patient_name": someone["name"],
            "patient_age": 4 if child else self._rng.randrange(18, 86),
            "patient_sex": someone["sex"],
            "patient_mobile": someone["mobile"],
        }
        if child:
            parent = self._rng.choice(self._patients)
            row |= {
                "guardian_id_no": parent["id_number"],
                "guardian_name": parent["name"],
                "guardian_mobile": parent["mobile"],
            }
        return row | (_TEST if frame.test else {})

    def _course(self, frame: Frame, state: str) -> Row:
        """How it went: the times, who answered, who paid how."""
        before = {name: frame.at - timedelta(minutes=back) for name, back in (("applied_at", 45), ("started_at", 25))}
        done, refused = state == "DONE", state == "REFUSED"
        return {
            "applied_at": before["applied_at"],
            "started_at": before["started_at"] if done else None,
            "finished_at": frame.at - timedelta(minutes=3) if done else None,
            "pay_channel": self._rng.choice(_PAYMENTS),
            "answered": int(done),
            "refused_at": frame.at - timedelta(minutes=3) if refused else None,
            "refuse_reason": "建议到院就诊" if refused else None,
            "refused_by": "DOCTOR" if refused else None,
        }

    def _items(self, prescription: str, kind: str) -> list[Row]:
        drugs = self._rng.sample([one for one in stock.DRUGS if one.kind == kind], 1 if kind == "PATENT" else 2)
        return [
            {
                "prescription_id": prescription,
                "line_no": number,
                "drug_code": drug.code,
                "drug_name": drug.name,
                "spec": drug.packing,
                "pack_unit": drug.pack_unit,
                "maker": drug.maker,
                "route_code": drug.route,
                "frequency": drug.frequency,
                "dose": drug.dose,
                "dose_unit": drug.dose_unit,
                "quantity": Decimal(drug.dose) * 7 if kind == "HERBAL" else Decimal(self._rng.choice((1, 2, 3))),
                "quantity_unit": drug.pack_unit,
                "days": 7,
                "is_otc": 0,
            }
            for number, drug in enumerate(drugs, 1)
        ]


def _seen_by(doctor: Row) -> Row:
    code, name = stock.SUBJECTS[doctor["department"]]
    return {
        "subject_code": code,
        "subject_name": name,
        "dept_name": f"{doctor['department']}门诊",
        "doctor_id": doctor["code"],
        "doctor_id_no": identity_number("110101", _BORN, int(doctor["code"].removeprefix("D")), "M"),
        "doctor_name": doctor["name"],
    }


def _price(item: Row) -> Decimal:
    drug = next(one for one in stock.DRUGS if one.code == item["drug_code"])
    quantity: Decimal = item["quantity"]
    return (Decimal(drug.price) * quantity).quantize(Decimal("0.01"))
