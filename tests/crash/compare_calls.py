"""What callers were told, what the HIS has written down, and what lies in the journal, side by side at rest.

Each finding is a sentence; none means that they agree.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.model import FINAL
from tests.crash import compare
from tests.crash.callers import OK, Callers, Key, Turn
from tests.crash.witness import Trade, Witness
from tests.flow.kept import Kept, kept

ANSWER_STEP = {"appointment.lock": 0, "appointment.book": 0, "appointment.cancel": 3}
"""The step of each route whose end its caller hears; it calls the HIS under our token."""
_ACTS = {"LockOrder": "lock", "BookService": "book", "CancelOrder": "cancelled"}
_FINAL = frozenset(state.value for state in FINAL)


def findings(site: Path, callers: Callers, witness: Witness) -> list[str]:
    """What does not agree, at most ten of each kind."""
    journal = [message for message in kept(site) if message.route in ANSWER_STEP]
    return compare.few(
        _everything_ended(journal),
        _told_is_what_the_journal_says(callers.ledger, journal),
        _told_is_what_the_his_has(callers, witness),
        _done_once_and_delivered(journal, witness),
        _witness_saw_all(witness),
        compare.calls_have_their_attempt(witness.ledger),
        compare.calls_have_their_reason(witness.ledger, journal),
        _token_stays_with_its_trade(witness.ledger),
        compare.journal_is_sound(site),
    )


def _everything_ended(journal: Sequence[Kept]) -> Iterator[str]:
    """In this flow nothing is left to a person either: whatever is asked about is answered."""
    for message in journal:
        states = [step["state"] for step in message.steps]
        if not set(states) <= _FINAL:
            yield f"{message.id} of {message.route} ended {states}"


def _told_is_what_the_journal_says(ledger: Sequence[Key], journal: Sequence[Kept]) -> Iterator[str]:
    """For each wish: as many yes as messages that were done, one at most, and as many no as messages that were not."""
    told: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key in ledger:
        if key.answer is None and not key.freed:
            yield f"{key.path}: a caller was never told what became of {key.raw.decode()}"
        if key.answer is not None:
            told[_wish(key)]["yes" if key.answer[0] == OK else "no"] += 1
    done: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for message in journal:
        if (verdict := _verdict(message)) is not None:
            done[_wish_of(message)][verdict] += 1
    for wish in told.keys() | done.keys():
        if told[wish]["yes"] != done[wish]["yes"] or told[wish]["yes"] > 1:
            yield f"{wish}: {told[wish]['yes']} callers were told that it is done, which {done[wish]['yes']} messages say"
        if told[wish]["no"] > done[wish]["no"]:
            yield f"{wish}: {told[wish]['no']} callers were told no, which {done[wish]['no']} messages say"


def _wish(key: Key) -> str:
    body = json.loads(key.raw)
    if key.path.endswith("/cancel"):
        return key.path.rsplit("/", 2)[1]
    return str(body.get("lockId") or f"{body['patientId']} {body['scheduleId']}")


def _wish_of(message: Kept) -> str:
    document = json.loads(message.raw)
    if message.route == "appointment.lock":
        return f"{document['patient_id']} {document['schedule_id']}"
    return str(document["lock_id" if message.route == "appointment.book" else "booking_no"])


def _verdict(message: Kept) -> str | None:
    """What its caller is to be told; None: it was taken back whole."""
    states = [step["state"] for step in message.steps]
    if "withdrawn" in states:
        return None
    undone = len(states) > ANSWER_STEP[message.route] + 1  # what a late one, or one that was given up, is followed by
    return "yes" if states[ANSWER_STEP[message.route]] == "delivered" and not undone else "no"


def _told_is_what_the_his_has(callers: Callers, witness: Witness) -> Iterator[str]:
    """One booking for each caller who was told so; and no number is held that nobody knows of."""
    orders = {order["lock_serial"]: order for order in witness.orders()}
    held, booked = set(), []
    for turn in callers.turns:
        if (serial := _serial(turn)) is None:
            continue
        held.add(serial)
        if serial not in orders:
            yield f"{serial} was told to a caller, and the HIS knows nothing of it"
        elif turn.cancel is not None and _is_yes(turn.cancel):
            if (state := orders[serial]["state"]) != "cancelled":
                yield f"{serial} was told to be cancelled, and is {state}"
        elif turn.book is not None and _is_yes(turn.book):
            booked.append({"order": turn.book.data()["hisOrderNo"]})
    compared = witness.hospital.post("/his/compare", told=booked, people=[])
    for row in compared["rows"]:
        if row["verdict"] != "ok":
            yield f"the HIS's booking {row['order']} of {row['patient']} is {row['verdict']}"
    for serial, order in orders.items():
        if order["state"] == "locked" and serial not in held:
            yield f"{serial} is held at the HIS, and nobody was told"


def _serial(turn: Turn) -> str | None:
    """The HIS's serial of the number that he was told to be held for him."""
    if turn.lock is None or not _is_yes(turn.lock):
        return None
    return turn.lock.data()["lockId"].partition("_7E")[0]


def _done_once_and_delivered(journal: Sequence[Kept], witness: Witness) -> Iterator[str]:
    """What the HIS did under one of our serials, it did once; and the journal says so, and nothing more."""
    acts = Counter(
        (act["act"], act["platform"]) for act in witness.acts() if act["platform"] and act["act"] in _ACTS.values()
    )
    did = Counter(token for _, token in acts.elements())
    steps = {
        f"{message.id}-{ANSWER_STEP[message.route]}": message.steps[ANSWER_STEP[message.route]]["state"]
        for message in journal
    }
    for (act, token), count in acts.items():
        if count > 1:
            yield f"{token}: the HIS did {act} {count} times"
        if steps.get(token) != "delivered":
            yield f"{token}: the HIS did {act}, and the journal says {steps.get(token)}"
    for token, state in steps.items():
        if state == "delivered" and not did[token]:
            yield f"{token} is delivered, and the HIS did nothing under that serial"


def _witness_saw_all(witness: Witness) -> Iterator[str]:
    """The HIS's own ledger of calls has what passed the witness, and nothing else."""
    passed, came = Counter(call.digest for call in witness.ledger), Counter(witness.called())
    if came - passed:
        yield f"{(came - passed).total()} calls came to the HIS past the witness"


def _token_stays_with_its_trade(calls: Sequence[Trade]) -> Iterator[str]:
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for call in calls:
        methods[call.token].add(call.method)
    for token, names in methods.items():
        if len(names) > 1:
            yield f"{token} went out with {sorted(names)}"


def _is_yes(key: Key) -> bool:
    return key.answer is not None and key.answer[0] == OK
