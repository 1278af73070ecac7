"""A sender's memory: what waits to be sent, and the ledger of everything that was.

A row of `outbox` is one message and keeps its control id for ever; a row of `sendings` is one time it went out,
written before the first byte leaves, and what came back. States: `waiting`, then `acked` or `dead` for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from sandbox import times

if TYPE_CHECKING:
    from sandbox.acks import Ack
    from sandbox.store import Row, Store

LARGEST_BATCH = 200
_COLUMNS = "seq, batch, control_id, message, attempts, refusals, due"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a sender waits and how often it tries; seconds."""

    ack_timeout: float = 15.0
    backoff: float = 1.0
    backoff_most: float = 30.0
    refusals: int = 5  # AE and CE are tried again that often, then the message is dead
    fresh_time: bool = True  # a re-send carries a new MSH-7

    def pause(self, tries: int) -> float:
        """How long to wait after so many tries in a row."""
        return float(min(self.backoff * 2 ** min(max(tries - 1, 0), 20), self.backoff_most))


class Outbox:
    """The rows of one sender."""

    def __init__(self, store: Store, sender: str, pace: Pace) -> None:
        self._store = store
        self._sender = sender
        self._pace = pace

    def add(self, version: Row, control_id: str, raw: bytes, line: int, batch: str) -> int:
        """Puts one message in line; it is sent after everything before it."""
        return self._store.insert(
            "outbox",
            sender=self._sender,
            line=line,
            batch=batch,
            control_id=control_id,
            report=version["report"],
            version=version["n"],
            status=version["status"],
            queued_at=times.now(),
            message=raw,
            state="waiting",
        )

    def frames(self, line: int, window: int) -> list[list[Row]]:
        """The next frames of a line, in order: a frame is one message, or what waits of one batch.

        No control id stands twice among them: an answer must say which message it means.
        """
        found: list[list[Row]] = []
        seen: set[str] = set()
        rows = self._waiting(line, window)
        if rows and rows[-1]["batch"]:
            rows = self._waiting(line, window * LARGEST_BATCH)
        for row in rows:
            if row["control_id"] in seen:
                break
            same_batch = bool(found and row["batch"] and found[-1][0]["batch"] == row["batch"])
            if not same_batch and len(found) == window:
                break
            seen.add(row["control_id"])
            if same_batch:
                found[-1].append(row)
            else:
                found.append([row])
        return found

    def _waiting(self, line: int, limit: int) -> list[Row]:
        return self._store.all(
            f"select {_COLUMNS} from outbox where sender = ? and line = ? and state = 'waiting' order by seq limit ?",
            self._sender,
            line,
            limit,
        )

    def lines(self) -> list[int]:
        """Lines with something waiting."""
        rows = self._store.all(
            "select distinct line from outbox where sender = ? and state = 'waiting' order by line", self._sender
        )
        return [row["line"] for row in rows]

    def sending(self, row: Row, raw: bytes, faults: str) -> int:
        """Writes down that a message goes out now; gives the number of the sending."""
        with self._store.together():
            self._store.run("update outbox set attempts = attempts + 1 where seq = ?", row["seq"])
            return self._store.insert(
                "sendings",
                outbox=row["seq"],
                sender=self._sender,
                n=row["attempts"] + 1,
                control_id=row["control_id"],
                at=times.now(),
                digest=sha256(raw).hexdigest(),
                size=len(raw),
                faults=faults,
                outcome="under way",
            )

    def answered(self, row: Row, sending: int, ack: Ack, complaints: list[str]) -> None:
        """An acknowledgement decides: acked, dead, or waiting for another try."""
        now = times.now()
        refusals = row["refusals"] + (ack.verdict == "refused")
        again = ack.verdict == "refused" and refusals < self._pace.refusals
        state = "acked" if ack.verdict == "accepted" else "waiting" if again else "dead"
        due = now + int(self._pace.pause(refusals) * times.SECOND) if again else 0
        with self._store.together():
            self._store.run(
                """update sendings set outcome = ?, ack_at = ?, ack_code = ?, ack_text = ?, ack = ?, complaints = ?
                   where id = ?""",
                ack.verdict,
                now,
                ack.code,
                ack.text,
                ack.raw,
                "; ".join(complaints),
                sending,
            )
            self._store.run(
                "update outbox set state = ?, refusals = ?, due = ?, ack_code = ?, ended_at = ? where seq = ?",
                state,
                refusals,
                due,
                ack.code,
                None if again else now,
                row["seq"],
            )

    def unanswered(self, sending: int, outcome: str) -> None:
        """No clear answer came: `silent`, `broken`, or what a fault did. The message waits for its next try."""
        self._store.run("update sendings set outcome = ? where id = ? and outcome = 'under way'", outcome, sending)

    def stray(self, ack: Ack) -> None:
        """An answer nobody waits for: the application acknowledgement after a commit, or one too many."""
        now = times.now()
        committed = self._store.run(
            """update sendings set application_code = ? where application_code is null and id =
               (select max(id) from sendings where sender = ? and control_id = ? and ack_code = 'CA')""",
            ack.code,
            self._sender,
            ack.of,
        )
        if ack.code.startswith("A") and committed:
            return
        owner = self._store.value(
            "select max(seq) from outbox where sender = ? and control_id = ?", self._sender, ack.of
        )
        self._store.insert(
            "sendings",
            outbox=owner or 0,
            sender=self._sender,
            n=0,
            control_id=ack.of,
            at=now,
            digest="",
            size=0,
            faults="",
            outcome="stray answer",
            ack_at=now,
            ack_code=ack.code,
            ack_text=ack.text,
            ack=ack.raw,
        )

    def recover(self) -> None:
        """After a restart: what was under way is unanswered."""
        self._store.run(
            "update sendings set outcome = 'restarted' where sender = ? and outcome = 'under way'", self._sender
        )

    def counts(self) -> dict[str, int]:
        rows = self._store.all("select state, count(*) as n from outbox where sender = ? group by state", self._sender)
        return {"waiting": 0, "acked": 0, "dead": 0} | {row["state"]: row["n"] for row in rows}
