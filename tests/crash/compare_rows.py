"""What the internet hospital has written, what the supervision platform has, and what lies in the journal, at rest."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.model import FINAL
from tests.crash.clerk import DATASET, ROUTE, TABLE, Clerk
from tests.crash.compare import few
from tests.crash.registrar import Registrar
from tests.flow.kept import Kept, kept
from tests.flow.programs import Hospital

_MOST = 5000
_TAKEN = 200
_REPORTED = ("DONE", "REFUSED")
_FINAL = frozenset(state.value for state in FINAL)


def findings(site: Path, clerk: Clerk, registrar: Registrar, hospital: Hospital) -> list[str]:
    """What does not agree, at most ten of each kind."""
    by_record: defaultdict[str, list[Kept]] = defaultdict(list)
    for message in kept(site):
        if message.route == ROUTE:
            by_record[json.loads(message.raw)["consultation_id"]].append(message)
    rows = {
        row["consultation_id"]: row
        for row in hospital.look("/warehouse/rows", table=TABLE, limit=_MOST)["rows"]
        if row["state"] in _REPORTED and not row["is_test"]
    }
    uploads = hospital.look("/regulator/records", method=DATASET, limit=_MOST)["rows"]
    return few(
        _no_row_is_passed_over(rows, by_record),
        _each_record_is_there_once(rows, uploads),
        _everything_ended(by_record),
        _calls_have_their_attempts(registrar, by_record),
        _sent_again_for_a_reason(clerk, by_record),
    )


def _no_row_is_passed_over(rows: Mapping[str, Mapping[str, Any]], kept_of: Mapping[str, list[Kept]]) -> Iterator[str]:
    """The newest version of every row is one message: a cursor that passed a row too early never comes back to it."""
    for number, row in rows.items():
        versions = Counter(json.loads(message.raw)["version"] for message in kept_of.get(number, []))
        if not versions[row["version"]]:
            yield f"{number}: version {row['version']} was written and is not in the journal"
        for version, count in versions.items():
            if count > 1:
                yield f"{number}: version {version} is {count} messages"
    for number in kept_of.keys() - rows.keys():
        yield f"{number} is in the journal, and is nobody's to report"


def _each_record_is_there_once(
    rows: Mapping[str, Mapping[str, Any]], uploads: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    taken = Counter(one["name"] for one in uploads if one["code"] == _TAKEN)
    for number in rows.keys() | taken.keys():
        if taken[number] != 1:
            yield f"{number}: the platform has it {taken[number]} times"
    done: set[str] = set()
    for one in reversed(uploads):
        if one["name"] in done:
            yield f"{one['name']} came again after it was taken"
        done |= {one["name"]} if one["code"] == _TAKEN else set()


def _everything_ended(kept_of: Mapping[str, list[Kept]]) -> Iterator[str]:
    for number, messages in kept_of.items():
        states = [step["state"] for message in messages for step in message.steps]
        if not set(states) <= _FINAL:
            yield f"{number} ended {states}"


def _calls_have_their_attempts(registrar: Registrar, kept_of: Mapping[str, list[Kept]]) -> Iterator[str]:
    """No more calls about a record than attempts that the journal has."""
    calls = Counter(call.token.partition("/")[0] for call in registrar.ledger)
    for number, count in calls.items():
        tried = sum(len(_attempts(message)) for message in kept_of.get(number, []))
        if count > tried:
            yield f"{number}: {count} calls came, and the journal has {tried} attempts"


def _sent_again_for_a_reason(clerk: Clerk, kept_of: Mapping[str, list[Kept]]) -> Iterator[str]:
    """Nobody can be asked: after a doubt only a person sends again, after a refusal only its correction does."""
    for number, messages in kept_of.items():
        for message in messages:
            for before, _ in pairwise(_attempts(message)):
                doubted = before["outcome"] in ("in_doubt", "unsent") and message.id not in clerk.again
                amended = before["outcome"] == "refused" and len(messages) > 1
                if doubted or (before["outcome"] not in ("unavailable", "in_doubt", "unsent") and not amended):
                    yield f"{number}: sent again after attempt {before['n']} that ended {before['outcome']}"


def _attempts(message: Kept) -> list[dict[str, Any]]:
    """What the platform was called with."""
    return [one for step in message.steps if step["system"] == "regulator" for one in step["attempts"] if one["n"]]
