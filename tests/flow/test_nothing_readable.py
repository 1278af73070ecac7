"""Nothing that patients brought lies readable on the bus's disk: not in the journal, its log, its backup or its words."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.flow.house import House
from tests.flow.programs import clean_environment
from tests.flow.test_foreign_senders import text
from tests.flow.wire import MllpLine

EXEMPT = ("var/reports.db",)
"""The hospital's own report store, which our sandbox keeps beside the bus for convenience."""
TEXTS = ("mappings", "config", "routes.yaml")
"""Written by people; their examples name invented patients."""
CANARY = "金丝雀"
"""Stands, numbered, in every place of messages and calls that go wrong."""
_LONG = 6
"""Bytes from which a value cannot stand in ciphertext by chance."""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house after a day's work: results of all kinds, trouble, reads, a refusal, a kill, a backup."""
    with House(tmp_path_factory.mktemp("searched")) as house:
        for sender in ("lis-main", "lis-north", "lis-lake", "lis-micro", "pacs-main", "pacs-north", "pacs-lake"):
            for _ in range(4):
                house.publish("exam" if sender.startswith("pacs") else "lab", sender=sender)
        house.fault("gateway", "half_reply", times=2)
        house.fault("gateway", "refusal", times=2)
        house.fault("lis", "wrong_charset", times=2)
        house.quiet()
        house.bus.kill()
        house.bus.start()
        for report in reports(house):
            house.act("correct", report)
        house.quiet()
        for report in reports(house):
            house.detail(report)
            house.shown(report)
        send_canaries(house)
        run(house, "journal", "backup", str(house.site / "var/backup.db"))
        run(house, "list", "--limit", "100")
        house.publish("lab", sender="lis-main")
        yield house


def run(house: House, *verb: str) -> None:
    """A command of the bus; what it prints is searched like its log."""
    command = [Path(sys.executable).parent / "hisbus", *verb, "--site", house.site, "--env", "sandbox"]
    with (house.site / "var/printed.txt").open("ab") as out:
        subprocess.run(command, env=clean_environment({}), stdout=out, stderr=out, check=True, timeout=60)


def send_canaries(house: House) -> None:
    """Messages and calls with something that does not belong there, each in another place."""
    whole = text("C1", "\r").encode().split(b"\r")[:-1]
    with MllpLine(house.bus.mllp) as line:
        for row, segment in enumerate(whole):
            fields = segment.split(b"|")
            for place in range(2 if row == 0 else 1, len(fields)):
                wrong = [*fields[:place], f"{CANARY}{row}{place}".encode(), *fields[place + 1 :]]
                line.ask(b"\r".join([*whole[:row], b"|".join(wrong), *whole[row + 1 :]]) + b"\r")
        line.ask(CANARY.encode())
    word = quote(CANARY)
    for path in (
        f"/patients/{word}/reports",
        f"/reports/lab/{word}",
        f"/{word}",
        f"/patients/P1/reports?from={word}&{word}=1",
    ):
        assert house.get(path)[0] >= 200
    assert house.app().get(f"/api/v1/reports/lab/{word}", X_App_Id=word)[0] == 401


def reports(house: House) -> list[str]:
    rows = house.look("/ledger/sent", limit=5000)["rows"]
    return sorted({row["report"] for row in rows})


def values(house: House) -> set[str]:
    """Names, numbers and contents of everyone and everything that was sent."""
    found: set[str] = set()
    for report in reports(house):
        truth = house.report(report)
        patient = truth["patient"]
        found |= {str(patient[name]) for name in ("id", "name", "id_number", "mobile", "address", "card_no", "empi_id")}
        found |= {report, truth["report"]["title"], truth["order"]["order_no"]}
        for version in truth["versions"]:
            content = version["content"]
            found |= set(content.values()) if isinstance(content, dict) else {item["name"] for item in content}
    return found


def written_by_people(house: House) -> str:
    """The site's own texts: a word of theirs tells nothing about anybody."""
    files = [
        file for name in TEXTS for file in ([house.site / name] if "." in name else (house.site / name).rglob("*"))
    ]
    return "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


def files(house: House) -> dict[str, bytes]:
    """Everything the bus has written, and its log."""
    every = [file for file in house.site.rglob("*") if file.is_file()]
    names = {str(file.relative_to(house.site)): file for file in every}
    kept = {n: f.read_bytes() for n, f in names.items() if not n.startswith((*EXEMPT, *TEXTS))}
    with urlopen(f"http://127.0.0.1:{house.bus.http}/metrics", timeout=5) as page:
        return kept | {"log": house.bus.log.read_bytes(), "metrics": page.read()}


def needles(house: House) -> dict[bytes, str]:
    """What is searched for: each value in every form in which it came or went."""
    texts = written_by_people(house)
    return forms_of(value for value in {*values(house), CANARY} if value and value not in texts)


def forms_of(sought: Iterable[str]) -> dict[bytes, str]:
    """Each value by all forms in which it may stand somewhere."""
    forms: dict[bytes, str] = {}
    for value in sought:
        written = {value.encode(form) for form in ("utf-8", "gb18030", "utf-16-le")}
        written.add(value.encode("unicode_escape"))
        forms |= {form: value for form in written if len(form) >= _LONG}
    return forms


def findings(house: House) -> set[tuple[str, str]]:
    """(where, what) of everything that stands there and must not."""
    sought = needles(house)
    return {(name, sought[needle]) for name, content in files(house).items() for needle in sought if needle in content}


def test_enough_is_searched_for_and_in(searched: House) -> None:
    names = files(searched)
    assert {"var/journal.db", "var/journal.db-wal", "var/backup.db", "var/printed.txt", "log"} <= set(names)
    assert any(name.startswith("var/journal.db.keys/") for name in names)
    assert len(names["var/journal.db-wal"]) > 100_000
    sought = set(needles(searched).values())
    truth = searched.report(reports(searched)[0])
    assert {truth["patient"]["id_number"], truth["patient"]["mobile"], truth["report"]["id"]} <= sought
    assert len(sought) > 200


def test_the_search_would_find_it(searched: House) -> None:
    """The report store beside the bus holds what the bus must not."""
    store = b"".join(file.read_bytes() for file in (searched.site / "var").glob("reports.db*"))
    assert len([needle for needle in needles(searched) if needle in store]) > 50


def test_nothing_is_found(searched: House) -> None:
    assert findings(searched) == set()


def test_nothing_is_found_when_the_bus_has_stopped(searched: House) -> None:
    searched.quiet()
    assert searched.bus.stop() == 0
    searched.bus.start()  # what was in the write-ahead log is in the file now
    assert findings(searched) == set()
