"""Every sender of the hospital is understood and rightly acknowledged, however it writes and whatever befalls its bytes."""

from typing import Any

import pytest

from tests.flow.house import House

LIS = ("lis-main", "lis-north", "lis-lake", "lis-micro")
PACS = ("pacs-main", "pacs-north", "pacs-lake")
COMMITS = {"lis-lake": ("CA", None), "pacs-lake": ("CA", "AA")}
"""Enhanced mode; what the second asks for as well is the application's acknowledgement."""
HARD_NAMES = "㛃昞誠珅妡·"
"""Not in GBK, or with `\\` or `|` as second byte there, or no hanzi at all."""
WIRE = {
    "fragment": {},
    "garbage": {},
    "missing_cr": {},
    "double": {},
    "wrong_charset": {},
    "clock_skew": {},
    "half": {"times": 2},
    "reset_after": {"times": 2},
    "delay": {"times": 2, "amount": 0.2},
    "deaf": {"times": 1},
}


def publish(house: House, sender: str, **wish: str) -> str:
    return house.publish("lab" if sender in LIS else "exam", sender=sender, **wish)


def plain(value: Any) -> str:
    """As written, but for the spaces that HL7's structured numbers gain."""
    return str(value or "").replace(" ", "")


@pytest.mark.parametrize("sender", LIS)
def test_laboratory_values_arrive_as_they_were_measured(house: House, sender: str) -> None:
    report = publish(house, sender)
    house.quiet()
    data = house.detail(report)[1]["data"]
    rows = [*data["items"], *data["antibiogram"]]
    truth = house.report(report)["versions"][0]["content"]
    assert len(rows) == len(truth)
    for item in truth:
        row = next(r for r in rows if r["code"] == item["code"] and item.get("sub") in (None, r["group"]))
        assert (row.get("name") or row["drug"]) == item["name"]
        assert plain(row["result"]) == plain(item["value"])
        assert plain(row["unit"]) in (plain(item["unit"]), plain(item["ucum"]))  # coded senders name both
        assert row["flag"] == item["flag"]
        assert plain(row.get("refRange")) == plain(item["range"])


@pytest.mark.parametrize("sender", PACS)
def test_imaging_texts_arrive_as_they_were_written(house: House, sender: str) -> None:
    report = publish(house, sender)
    house.quiet()
    data = house.detail(report)[1]["data"]
    truth = house.report(report)["versions"][0]["content"]
    assert (data["findings"], data["impression"]) == (truth["findings"], truth["impression"])
    assert data["pdfUrl"] == f"{house.hospital.page}/files/{report}.pdf"


@pytest.mark.parametrize("sender", LIS + PACS)
def test_acknowledged_as_the_sender_asked(house: House, sender: str) -> None:
    report = publish(house, sender)
    house.quiet()
    (row,) = house.sent(report)
    assert row["outcome"] == "accepted"
    assert (row["ack_code"], row["application_code"]) == COMMITS.get(sender, ("AA", None))
    assert house.complaints() == set()


def test_names_that_hurt_reach_the_patient_whole(house: House) -> None:
    people = [one for one in house.look("/patients", limit=500)["rows"] if set(one["name"]) & set(HARD_NAMES)]
    assert len(people) >= 5
    reports = []
    for person in people[:12]:
        senders = [name for name in LIS + PACS if name.endswith(person["campus"])]
        reports += [publish(house, sender, patient=person["id"]) for sender in senders]
    house.quiet()
    for report in reports:
        (told,) = house.told(report)
        assert told["params"]["name"] == house.report(report)["patient"]["name"]
    assert house.verdicts(*reports) == {"ok": len(reports)}


@pytest.mark.parametrize("kind", WIRE)
def test_each_arrives_once_whatever_befalls_its_bytes(house: House, kind: str) -> None:
    for group in ("lis", "pacs"):
        house.fault(group, kind, **WIRE[kind])
    reports = [publish(house, sender) for sender in LIS + PACS for _ in range(2)]
    house.quiet()
    assert any(kind in row["faults"].split() for report in reports for row in house.sent(report))
    assert house.verdicts(*reports) == {"ok": len(reports)}
    assert all(house.shown(report) for report in reports)
    assert house.complaints() == set()


@pytest.mark.parametrize(("sender", "batch"), [("lis-main", 0), ("lis-main", 10), ("lis-lake", 10), ("pacs-north", 7)])
def test_many_at_once_over_several_connections(house: House, sender: str, batch: int) -> None:
    house.fault(sender, "pipeline", amount=8)
    made = house.post("/burst", count=40, connections=4, sender=sender, batch=batch)
    house.quiet()
    newest = house.look("/reports", sender=sender, limit=40)["rows"]
    assert {made["first"], made["last"]} <= {row["id"] for row in newest}
    assert house.verdicts(*(row["id"] for row in newest)) == {"ok": 40}
    assert house.complaints() == set()
