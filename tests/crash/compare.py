"""Three ledgers side by side, when everything has come to rest: the sender's, the destination's, and the journal.

Each finding is a sentence; none means that they agree.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from tests.crash.destination import Notice
from tests.crash.ledger import Call, Did
from tests.crash.sender import Message
from tests.flow.kept import Kept, kept, verified
from tests.flow.site import ABSENT_AFTER

_SECOND = 1_000_000
_MOST = 10


def findings(site: Path, sent: Sequence[Message], calls: Sequence[Notice]) -> list[str]:
    """What does not agree of the messages that came over MLLP, at most ten of each kind."""
    journal = [message for message in kept(site) if message.raw.startswith(b"MSH")]
    return few(
        acknowledged_is_stored(sent, journal),
        stored_is_delivered(journal, {"result": 3}),
        calls_have_their_attempt(calls),
        calls_have_their_reason(calls, journal),
        _done_once_and_in_order(sent, calls),
        _store_has_the_newest(site, sent),
        journal_is_sound(site),
    )


def few(*looks: Iterator[str]) -> list[str]:
    """The first findings of each look."""
    return [finding for look in looks for finding in islice(look, _MOST)]


def acknowledged_is_stored(sent: Sequence[Message], journal: Sequence[Kept]) -> Iterator[str]:
    """Invariant 1: one message for each, its bytes those of one of its sendings, and nothing else."""
    stored: defaultdict[str, list[bytes]] = defaultdict(list)
    for message in journal:
        stored[message.raw.split(b"|", 10)[9].decode()].append(message.raw)
    for message in sent:
        raws = stored.pop(message.control_id, [])
        if message.acked and not raws:
            yield f"{message.control_id} was acknowledged and is not in the journal"
        if len(raws) > 1:
            yield f"{message.control_id} was sent {len(message.raws)} times and is {len(raws)} messages"
        if any(raw not in message.raws for raw in raws):
            yield f"{message.control_id} does not lie in the journal as it was sent"
    for control_id in stored:
        yield f"{control_id} is in the journal and was never sent"


def stored_is_delivered(journal: Sequence[Kept], routes: Mapping[str, int]) -> Iterator[str]:
    """Every message is of one of the routes, which have so many steps, and each of its steps is delivered."""
    for message in journal:
        states = [step["state"] for step in message.steps]
        if states != ["delivered"] * routes.get(message.route, -1):
            yield f"{message.id} of {message.route} ended {states}"


def calls_have_their_attempt(calls: Sequence[Call]) -> Iterator[str]:
    """Invariant 2, the half that the destination cannot see by itself: each attempt made one call at most."""
    for (token, attempt), count in Counter((call.token, call.attempt) for call in calls).items():
        if count > 1:
            yield f"{token}: {count} calls for attempt {attempt}"


def calls_have_their_reason(calls: Sequence[Call], journal: Sequence[Kept]) -> Iterator[str]:
    """Invariant 3: between two calls stands an `unavailable`, or an `unsent` older than `absent_after`."""
    attempts = {f"{message.id}-{step['step']}": _attempts(step) for message in journal for step in message.steps}
    by_token: defaultdict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_token[call.token].append(call)
    for token, its in by_token.items():
        if token not in attempts:
            yield f"{token} was called and is no message of the journal"
            continue
        if len({call.digest for call in its}) > 1:
            yield f"{token}: its body changed between two calls"
        for first, second in pairwise(its):
            yield from _no_reason(token, attempts[token], first, second)


def _attempts(step: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {attempt["n"]: attempt for attempt in step["attempts"]}


def _no_reason(token: str, attempts: dict[int, dict[str, Any]], first: Call, second: Call) -> Iterator[str]:
    if first.did in (Did.DONE, Did.MUTE):
        yield f"{token}: called again though attempt {first.attempt} was done"
    for n in range(first.attempt, second.attempt):
        attempt, following = attempts.get(n), attempts.get(n + 1)
        if attempt is None or following is None:
            yield f"{token}: attempts {n} and {n + 1} are not both on record"
            continue
        waited = (following["at"] - attempt["at"]) / _SECOND
        if attempt["outcome"] not in ("unavailable", "unsent"):
            yield f"{token}: called again after attempt {n} that ended {attempt['outcome']}"
        if attempt["outcome"] == "unsent" and waited < ABSENT_AFTER:
            yield f"{token}: called again {waited:.2f} s after attempt {n}, when its absence was no proof"


def _done_once_and_in_order(sent: Sequence[Message], calls: Sequence[Notice]) -> Iterator[str]:
    """Each message of a patient once, in the order of its sending."""
    wanted: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for message in sent:
        if message.acked:
            wanted[message.patient].append((message.report, message.version))
    done: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for call in calls:
        if call.did in (Did.DONE, Did.MUTE):
            digits = "".join(sign for sign in call.report_time if sign.isdigit())
            done[call.patient].append((call.report, digits))
    for patient in wanted.keys() | done.keys():
        if wanted[patient] != done[patient]:
            yield (
                f"{patient}: {len(wanted[patient])} messages acknowledged, {len(done[patient])} done, "
                f"{len(set(done[patient]))} of them different; or their order is another"
            )


def _store_has_the_newest(site: Path, sent: Sequence[Message]) -> Iterator[str]:
    newest = {message.report: message.version for message in sent if message.acked}
    with closing(sqlite3.connect(f"{(site / 'var/reports.db').as_uri()}?mode=ro", uri=True)) as store:
        rows = dict(store.execute("select report_id, version from reports").fetchall())
    for report in newest.keys() | rows.keys():
        has = "".join(sign for sign in rows.get(report, "")[:19] if sign.isdigit())
        if has != newest.get(report):
            yield f"{report}: the report store has version {has or 'none'}, the newest sent is {newest.get(report)}"


def journal_is_sound(site: Path) -> Iterator[str]:
    said = verified(site)
    for words, messages in said.broken.items():
        yield f"the journal breaks “{words}” at {messages}"
    if said.unreadable:
        yield f"{len(said.unreadable)} messages do not open with their key"
