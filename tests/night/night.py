"""The night upload on a hospital and a bus of their own: what was told at each step, and whether all of it held.

Yesterday's business is in the hospital's database. Some of it is wrong, one answer of the platform is lost, and it is
busy for a while. Everything is done by the commands that people have, and compared with the platform's own ledger.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from engine.cli.main import main
from tests.flow.house import House
from tests.flow.site import ask_journal, eventually

ROUTES = (
    "regulator_drug", "regulator_consult", "regulator_revisit", "regulator_prescription", "regulator_verification",
    "regulator_evaluation", "regulator_dispute",
)  # fmt: skip
"""In the order in which the night runs them."""
_UNDER_WAY = "('ready', 'claimed', 'sending', 'doubtful')"
"""What waits does so for one of these, or behind what is parked."""


class Night:
    """One night. `findings`: what did not hold."""

    def __init__(self, house: House, say: Callable[[str], None]) -> None:
        self._house, self._say = house, say
        self.findings: list[str] = []

    def play(self) -> None:
        wrong = self._yesterday()
        self._collect(ROUTES)
        refused = self._refused(wrong)
        self._corrected(wrong, refused)
        self._unanswered()
        self._nothing_happened()
        self._complete()
        self._compared()

    def _yesterday(self) -> dict[str, str]:
        """Adds to the business of yesterday what makes the night one. Gives the wrong rows by their tables."""
        self._title("Yesterday at the internet hospital")
        visits = self._house.look("/warehouse/rows", table="revisit", limit=1000)["rows"]
        visit = next(row["revisit_id"] for row in visits if row["state"] == "DONE" and not row["is_test"])
        wrong = {
            table: self._house.post("/warehouse/add", table=table, **more)["id"]
            for table, more in {
                "revisit": {"wrong": "empty"},
                "prescription": {"wrong": "unknown_drug", "of": visit},
            }.items()
        }
        rows = {row["table"]: row["rows"] for row in self._house.look("/warehouse/counts")["rows"]}
        self._say("   " + ", ".join(f"{count} {table}" for table, count in rows.items()))
        self._say(
            f"   revisit {wrong['revisit']} lacks two fields; prescription {wrong['prescription']} names a drug that"
        )
        self._say("   the catalogue does not have. The platform is busy at first, and loses one of its answers.")
        self._house.fault("regulator.uploadReferralIndicators", "refusal", times=2)
        self._house.fault("regulator.uploadConsultIndicators", "done_but_no_answer", times=1)
        return wrong

    def _collect(self, routes: Sequence[str]) -> None:
        """What the schedule does at 01:00, 01:30 and 02:00."""
        self._title("The night, now: hisbus collect ROUTE, each when those before it are through")
        for route in routes:
            for run in self._asked("collect", route):
                self._say(f"   {run['source']:36}{run['found']:4} found, {run['refused']} unreadable")
                self._holds(not run["code"] and not run["refused"], f"{run['source']} could not be read whole")
            eventually(lambda route=route: self._standing(route), 60, f"nothing of {route} is on its way")

    def _refused(self, wrong: dict[str, str]) -> dict[str, str]:
        """What the platform would not take, and why. Gives the message of each wrong row."""
        self._title("Refused, and parked in its place in line: hisbus list --state parked, hisbus completeness")
        told = {one["id"]: one for route in self._completeness()["routes"] for one in route["troubles"]}
        found = {}
        for table, number in wrong.items():
            (line,) = self._messages(table, number)
            found[table] = line["id"]
            said = told.get(line["id"], {})
            self._say(
                f"   {number}  {said.get('code')}  their code {said.get('backend_code')}: {said.get('backend_text')}"
            )
            self._holds(said.get("state") == "parked", f"{number} was not parked")
            self._holds(bool(said.get("backend_text")), f"the platform's reason for {number} is not told")
        return found

    def _corrected(self, wrong: dict[str, str], refused: dict[str, str]) -> None:
        """The rows are put right today; each correction goes out in the place of what it corrects."""
        self._title("Corrected in the hospital's database, and collected again")
        for table, number in wrong.items():
            self._house.post("/warehouse/correct", id=number, day="today")
            self._asked("collect", f"regulator_{table}")
            eventually(lambda table=table: self._standing(f"regulator_{table}"), 60, f"{table} is through")
            newer, older = self._messages(table, number)
            states = [self._upload(line) for line in (older, newer)]
            self._say(f"   {number}  {older['id']}: {states[0]}, its correction {newer['id']}: {states[1]}")
            self._holds(older["id"] == refused[table] and states[0] == "delivered", f"{number} was not amended")
            self._holds(states[1] == "skipped", f"the correction of {number} went out beside it")

    def _unanswered(self) -> None:
        """One consultation's answer got lost. The bus does not send it again; a person looks, and says what is there."""
        self._title("No answer: never sent again by itself, a person looks at the platform's page")
        parked = self._asked("list", "--state", "parked")
        lines = [line for line in parked if self._upload(line, "outcome") == "in_doubt"]
        self._holds(len(lines) == 1, f"expected one call without an answer, there are {len(lines)}")
        for line in lines:
            self._say(f"   {line['id']} parked in doubt; their ledger has it, so:")
            said = ("settle", line["id"], "--as", "delivered", "--reason", "seen on the platform's page")
            self._say(f"   hisbus settle {line['id']} --as delivered --reason …")
            self._hisbus(*said, "--step", "call")

    def _nothing_happened(self) -> None:
        """There was no dispute: that is told too, once."""
        self._title("No dispute yesterday: an empty set is the day's sign-in")
        calls = self._house.look("/regulator/calls", method="pushMedicalDispute")["rows"]
        self._say(f"   {', '.join(call['plain'] for call in calls)} → {', '.join(str(call['code']) for call in calls)}")
        self._holds([call["plain"] for call in calls] == ["[]"], "the empty set was not sent exactly once")

    def _complete(self) -> None:
        self._title("Was that all? hisbus completeness")
        done = self._hisbus("completeness")
        self._say(done.rstrip())
        self._holds(self._completeness()["whole"], "not everything of yesterday went out")

    def _compared(self) -> None:
        """The platform checks each signature before it opens anything, and keeps whatever it takes."""
        self._title("The platform's ledger beside the journal")
        compared = self._house.look("/regulator/compare")
        taken = sum(1 for row in compared["rows"] if row["verdict"] in ("ok", "corrected"))
        rows = self._asked("list", "--limit", "1000")
        sent = sum(self._upload(line) == "delivered" for line in rows if line["route"] in ROUTES)
        self._say(f"   {json.dumps(compared['summary'])}; {taken} records and one empty set taken, {sent} delivered")
        self._holds(set(compared["summary"]) <= {"ok", "corrected"}, "the platform has a record twice, or never")
        self._holds(taken + 1 == sent, "the journal and the platform's ledger differ")

    # --- what people have ---

    def _hisbus(self, *words: str) -> str:
        """A command of the bus, as it prints. Raises RuntimeError for one that cannot be carried out."""
        others = {name: None for name in os.environ if name.startswith("HISBUS_")}  # of a bus of the developer's own
        environment = {**others, **self._house.bus.environment, "HISBUS_ENV": "sandbox"}
        done = CliRunner().invoke(main, [*words, "--site", str(self._house.site)], env=environment)
        if done.exit_code not in (0, 1):
            raise RuntimeError(f"hisbus {' '.join(words)} ended with {done.exit_code}: {done.output[-300:]}")
        return done.stdout

    def _asked(self, *words: str) -> Any:
        return json.loads(self._hisbus(*words, "--json"))

    def _completeness(self) -> Any:
        return self._asked("completeness")

    def _messages(self, table: str, number: str) -> list[dict[str, Any]]:
        """Messages about a row, newest first."""
        kind = {"revisit": "visit", "prescription": "prescription"}[table]
        found: list[dict[str, Any]] = self._asked("list", "--route", f"regulator_{table}", "--find", f"{kind}={number}")
        return found

    def _upload(self, line: dict[str, Any], what: str = "state") -> Any:
        return next(one[what] for one in line["deliveries"] if one["system"] == "regulator")

    def _standing(self, route: str) -> bool:
        """Whether each message of a route has ended or is parked."""
        statement = (
            "select count(*) from deliveries d join messages m on m.seq = d.message where m.route = ? and d.state in "
        )
        return bool(ask_journal(self._house.site, statement + _UNDER_WAY, route)[0][0] == 0)

    # --- what is told ---

    def _title(self, words: str) -> None:
        self._say(f"\n== {words}")

    def _holds(self, true: bool, otherwise: str) -> None:
        if not true:
            self.findings.append(otherwise)
            self._say(f"   !! {otherwise}")


def night(folder: Path, say: Callable[[str], None]) -> list[str]:
    """Plays the night in an empty folder and says what happens. Gives what did not hold."""
    with House(folder) as house:
        played = Night(house, say)
        played.play()
    return played.findings
