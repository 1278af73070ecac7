"""Floor of W3c: a laboratory report as a FHIR transaction, as a person would write it for this one sender.

Split bytes, dicts and orjson. It reads and writes the fields that the benchmark's reports have, and tests those that
may be empty; it knows numbers only, no escape but `\\S\\`, no second spelling of a field, no correction. Its bytes are
the bus's bytes.
"""

from datetime import date, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson

ZONE = ZoneInfo("Asia/Shanghai")
ROOT = "http://hospital.example/id/"
V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
FLAGS = {"N": "N", "↑": "H", "↓": "L", "H": "H", "L": "L", "↑↑": "HH", "↓↓": "LL"}
STATUS = {"F": "final", "P": "preliminary", "C": "corrected"}
SEX = {"M": "male", "F": "female"}
Tree = dict[str, Any]
Rows = dict[str, list[list[str]]]


class Entries(list[Tree]):
    """The Bundle's entries; `add` and `make` give a reference to what was added."""

    def add(self, kind: str, system: str, resource: Tree) -> Tree:
        return self._put(kind, system, resource, lambda query: {"method": "PUT", "url": f"{kind}?{query}"})

    def make(self, kind: str, system: str, resource: Tree) -> Tree:
        return self._put(kind, system, resource, lambda query: {"method": "POST", "url": kind, "ifNoneExist": query})

    def _put(self, kind: str, system: str, resource: Tree, request: Any) -> Tree:
        query = f"identifier={ROOT}main/{system}%7C{quote(resource['identifier'][0]['value'], safe=':/')}"
        url = full_url(f"{kind}?{query}")
        self.append({"fullUrl": url, "resource": {"resourceType": kind, **resource}, "request": request(query)})
        return {"reference": url}


def full_url(name: str) -> str:
    digest = sha256(name.encode()).hexdigest()
    return f"urn:uuid:{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def split(raw: bytes) -> Rows:
    """The fields of each segment, by its name."""
    rows: Rows = {}
    for line in raw.decode().split("\r"):
        rows.setdefault(line[:3], []).append(line.split("|"))
    return rows


def bundle(rows: Rows, token: str) -> bytes:
    """The transaction's bytes for an ORU^R01."""
    msh, pid, pv1, orc, obr = (rows[name][0] for name in ("MSH", "PID", "PV1", "ORC", "OBR"))
    report, order, service, doctor, reader = obr[3], obr[2], coded(obr[4]), obr[16].split("^"), obr[32].split("^")
    entries = Entries()
    links = {"subject": entries.make("Patient", "patient", patient(pid))}
    links["encounter"] = entries.make("Encounter", "visit", visit(pv1, links["subject"]))
    orderer = entries.make("Practitioner", "staff", practitioner(doctor))
    specimen = {"reference": full_url(f"Specimen?identifier={ROOT}main/specimen%7C{report}")}
    numbers = [named("order", order, "PLAC"), named("report", report, "FILL")]
    request = entries.make("ServiceRequest", "order", {
        "identifier": numbers, "status": "completed" if orc[5] == "CM" else "active", "intent": "order",
        "code": service, **links, "requester": {**orderer, "display": doctor[2]}, "specimen": [specimen],
    })  # fmt: skip
    collected = moment(obr[7])
    entries.add("Specimen", "specimen", {
        "identifier": [named("specimen", report)], "type": coded(obr[15]), "subject": links["subject"],
        "request": [request], "collection": {"collectedDateTime": collected},
    })  # fmt: skip
    shared = {**links, "basedOn": [request], "specimen": specimen}
    results = [entries.add("Observation", "result", observation(obx, report, shared, collected)) for obx in rows["OBX"]]
    read_by = entries.make("Practitioner", "staff", practitioner(reader))
    entries.add("DiagnosticReport", "report", {
        "identifier": [*reversed(numbers), {"system": "urn:hisbus:delivery", "value": token}], "basedOn": [request],
        "status": STATUS[obr[25]],
        "category": [{"text": obr[24], "coding": [{"code": "laboratory", "system": CATEGORY}]}],
        "code": service, **links,
        "effectiveDateTime": collected, "issued": moment(obr[22]),
        "resultsInterpreter": [{**read_by, "display": reader[2]}], "specimen": [specimen], "result": results,
    })  # fmt: skip
    whole = {"system": f"{ROOT}message", "value": msh[9]}
    return orjson.dumps({"resourceType": "Bundle", "type": "transaction", "identifier": whole, "entry": entries})


def patient(pid: list[str]) -> Tree:
    first, *others = pid[3].split("~")
    parts = first.split("^")
    made: Tree = {"identifier": [named("patient", parts[0], "PI"), {"value": parts[0]}]}
    if len(parts) > 3 and parts[3]:
        made["identifier"][1]["assigner"] = {"display": parts[3].split("&")[0]}
    made["identifier"] += [{"value": other.split("^")[0]} for other in others]
    made["name"] = [{"text": pid[5].split("^")[1]}]
    if sex := SEX.get(pid[8]):
        made["gender"] = sex
    if born := pid[7]:
        made["birthDate"] = date(int(born[:4]), int(born[4:6]), int(born[6:8])).isoformat()
    if len(phone := pid[13].split("^")) > 6 and phone[6]:
        made["telecom"] = [{"system": "phone", "value": phone[6], "use": "home"}]
    if pid[11]:
        line, _, city, _, postcode = pid[11].split("^")
        made["address"] = [{"line": [line], "city": city, "postalCode": postcode}]
    return made


def visit(pv1: list[str], subject: Tree) -> Tree:
    doctor = pv1[7].split("^")
    attends = [{"coding": [{"code": "ATND", "system": PARTICIPATION}]}]
    who = {"identifier": named("staff", doctor[0]), "display": doctor[2]}
    return {
        "identifier": [named("visit", pv1[19], "VN")], "status": "in-progress",
        "class": {"code": "AMB" if pv1[2] == "O" else "IMP", "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode"},
        "subject": subject,
        "location": [{"location": {"display": pv1[3].split("^")[3].split("&")[1]}, "status": "active"}],
        "participant": [{"type": attends, "individual": who}],
    }  # fmt: skip


def practitioner(parts: list[str]) -> Tree:
    return {"identifier": [named("staff", parts[0])], "name": [{"text": parts[2]}]}


def observation(obx: list[str], report: str, links: Tree, collected: str) -> Tree:
    code, unit = coded(obx[3]), obx[6].replace("\\S\\", "^")
    made = {
        "identifier": [named("result", f"{report}.{obx[3].split('^', 1)[0]}")], "status": STATUS[obx[11]],
        "category": [{"coding": [{"code": "laboratory", "system": CATEGORY}]}], "code": code, **links,
        "effectiveDateTime": moment(obx[14]) if obx[14] else collected,
        "valueQuantity": {"value": orjson.Fragment(obx[5]), "unit": unit},
    }  # fmt: skip
    if said := obx[8]:
        made["interpretation"] = [{"coding": [{"code": FLAGS[said], "system": INTERPRETATION}], "text": said}]
    if obx[7]:
        made["referenceRange"] = [{"text": obx[7]}]
    return made


def named(kind: str, value: str, code: str = "") -> Tree:
    found: Tree = {"system": f"{ROOT}main/{kind}", "value": value}
    return {**found, "type": {"coding": [{"code": code, "system": V2}]}} if code else found


def coded(field: str) -> Tree:
    code, _, name = field.partition("^")
    return {"coding": [{"code": code, "display": name} if name else {"code": code}], "text": name or code}


def moment(text: str) -> str:
    parts = (int(text[place : place + 2]) for place in range(4, 14, 2))
    return datetime(int(text[:4]), *parts, tzinfo=ZONE).isoformat()
