"""The hospital before the first message: campuses, departments, doctors, patients, visits. Same seed, same town."""

from datetime import UTC, date, datetime, timedelta
from random import Random

from sandbox import times
from sandbox.people import full_name, person
from sandbox.store import Store

ORGANISATION = "H440000001"
CAMPUSES = (("main", "桃源院区"), ("north", "北院院区"), ("lake", "星湖门诊"))
DOCTORS = 200
PATIENTS = 500

_DEPARTMENTS = {
    "main": (
        (
            "心血管内科 呼吸与危重症医学科 消化内科 神经内科 肾内科 内分泌科 血液内科 "
            "普外科 骨科 泌尿外科 妇产科 儿科 重症医学科 急诊科"
        ),
        "检验科 放射科 超声医学科",
    ),
    "north": ("综合内科 综合外科 康复医学科 感染性疾病科 肿瘤科 老年医学科", "检验科(北院) 医学影像科(北院)"),
    "lake": ("全科门诊 中医科 口腔科", "检验室(星湖) 影像室(星湖)"),
}
_TITLES = ("主任医师", "副主任医师", "主治医师", "主治医师", "住院医师")
_VISIT_KINDS = "OOOOIIE"
_CAMPUS_LETTER = {"main": "1", "north": "2", "lake": "3"}


def build(store: Store, seed: int, today: date) -> int:
    """Fills an empty store; a store that has a town is left as it is. Gives the seed of the town that is there."""
    known = store.value("select value from facts where name = 'seed'")
    if known is not None:
        return int(known)
    rng = Random(seed)
    with store.together():
        store.insert("facts", name="seed", value=str(seed))
        _departments(store)
        _doctors(store, rng)
        _patients(store, rng)
        _visits(store, rng, today)
    return seed


def _departments(store: Store) -> None:
    for campus, name in CAMPUSES:
        store.insert("campuses", code=campus, name=name, organisation=ORGANISATION)
        clinics, services = (text.split() for text in _DEPARTMENTS[campus])
        for number, title in enumerate(clinics + services, 1):
            store.insert(
                "departments",
                code=f"{_CAMPUS_LETTER[campus]}{number:03d}",
                campus=campus,
                name=title,
                kind="clinic" if number <= len(clinics) else _service(title),
            )


def _service(title: str) -> str:
    if "检验" in title:
        return "lab"
    return "ultrasound" if "超声" in title else "imaging"


def _doctors(store: Store, rng: Random) -> None:
    codes = [row["code"] for row in store.all("select code from departments order by code")]
    for number in range(DOCTORS):
        name, pinyin = full_name(rng, rng.choice("MF"))
        department = codes[number % len(codes)]  # no department without doctors
        title = rng.choice(_TITLES)
        store.insert("doctors", code=f"D{number + 1:04d}", name=name, pinyin=pinyin, department=department, title=title)


def _patients(store: Store, rng: Random) -> None:
    for number in range(1, PATIENTS + 1):
        someone = person(rng, number)
        store.insert(
            "patients",
            id=f"{number:010d}",
            name=someone.name,
            pinyin=someone.pinyin,
            sex=someone.sex,
            birth=someone.birth.strftime("%Y%m%d"),
            id_type=someone.id_type,
            id_number=someone.id_number,
            mobile=someone.mobile,
            card_no=f"C{rng.randrange(10**9, 10**10)}",
            empi_id=f"EMPI{number:08d}",
            address=someone.address,
            ethnicity=someone.ethnicity,
            fee_type=someone.fee_type,
            campus=rng.choices([code for code, _ in CAMPUSES], weights=(6, 3, 1))[0],
        )


def _visits(store: Store, rng: Random, today: date) -> None:
    clinics = store.all("select code, campus from departments where kind = 'clinic' order by code")
    doctors = store.all("select code, department from doctors order by code")
    midnight = times.instant(datetime(today.year, today.month, today.day, tzinfo=UTC)) - 8 * 3600 * times.SECOND
    for number, patient in enumerate(store.all("select id, campus from patients order by id"), 1):
        department = rng.choice([row["code"] for row in clinics if row["campus"] == patient["campus"]])
        kind = rng.choice(_VISIT_KINDS)
        ago = timedelta(days=rng.randrange(25, 45), minutes=-rng.randrange(8 * 60, 17 * 60))
        store.insert(
            "visits",
            visit_no=f"{'ZY' if kind == 'I' else 'MZ'}{number:08d}",
            patient=patient["id"],
            kind=kind,
            department=department,
            doctor=rng.choice([row["code"] for row in doctors if row["department"] == department]),
            bed=f"{rng.randrange(1, 60):02d}床" if kind == "I" else "",
            started=midnight - int(ago.total_seconds()) * times.SECOND,
        )
