"""Where the bus is killed: the rows of delivery.md §7, and what each says is found at the next start."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.crash.flows import CALLS, LARGE_RESULTS, PANELS, RESULTS, Flow
from tests.crash.ledger import DONE, READ
from tests.flow.site import ask_journal


@dataclass(frozen=True, slots=True)
class Scene:
    """What a look after the death sees, before the next start."""

    site: Path
    acked: int
    """What the sender knows to be taken, or decided."""
    sent: int
    """What the sender has sent at least once."""
    called: frozenset[tuple[str, int]]
    """(token, attempt) of every call that the destination has read."""

    def count(self, statement: str) -> int:
        return int(ask_journal(self.site, f"select count(*) from {statement}")[0][0])

    def sending(self) -> set[tuple[str, int]]:
        """(token, attempt) of what stands as `sending` at a system that keeps a ledger."""
        rows = ask_journal(
            self.site,
            "select m.id || '-' || d.step, d.attempt from deliveries d join messages m on m.seq = d.message "
            "where d.state = 'sending' and d.system in ('messages', 'his')",
        )
        return set(rows)


@dataclass(frozen=True, slots=True)
class Point:
    """One point. `hook` is the journal's name for it, or the moment at which the destination kills."""

    name: str
    row: str
    """The first column of the table of delivery.md §7."""
    hook: str
    found: Callable[[Scene], bool]
    """Whether what §7 says stands in the journal."""
    passes: tuple[int, ...] = (1, 2, 3, 5, 8, 13, 21)
    """At which pass it is killed, in turn."""
    flow: Flow = RESULTS
    """What must flow for it to be reached."""

    @property
    def at_peer(self) -> bool:
        return self.hook in (READ, DONE)


def _stored(scene: Scene) -> int:
    return scene.count("messages where route = 'result'")


def _called(scene: Scene) -> int:
    """Messages of callers, but those that came to nothing: their keys are told so and go another way."""
    nothing = "d.state not in ('withdrawn', 'given_up', 'skipped')"
    done = f"exists (select 1 from deliveries d where d.message = m.seq and d.step = 0 and {nothing})"
    return scene.count(f"messages m where m.route like 'appointment.%' and {done}")


def _answered(scene: Scene) -> int:
    """Messages whose answer is decided."""
    return scene.count("messages where route like 'appointment.%' and answer is not null")


def _halfway(scene: Scene) -> bool:
    """A step has made some of its children, each page with how far it came."""
    pages = scene.count("splits where taken > 0 and freed is null")
    made = "(select count(*) from messages m where m.parent = s.place)"
    return pages > 0 and scene.count(f"splits s where s.taken <> {made}") == 0


POINTS = (
    Point(
        "before-accept",
        "reading, before accept's commit",
        "before-accept-commit",
        lambda scene: scene.acked <= _stored(scene) < scene.sent,
    ),
    Point(
        "after-part",
        "parts of a body, before its message",
        "after-part-commit",
        lambda scene: scene.count("parts where id not in (select id from messages)") > 0,
        passes=(1, 2, 3),
        flow=LARGE_RESULTS,
    ),
    Point(
        "after-accept",
        "accept's commit, before the answer",
        "after-accept-commit",
        lambda scene: _stored(scene) > scene.acked,
    ),
    Point(
        "after-claim",
        "claim",
        "after-claim-commit",
        lambda scene: scene.count("deliveries where state = 'claimed' or state = 'doubtful'") > 0,
        passes=(1, 2, 3),
    ),
    Point(
        "after-sending",
        "sending's commit, before the first byte",
        "after-sending-commit",
        lambda scene: scene.count("deliveries where state = 'sending'") > 0,
    ),
    Point(
        "peer-read", "bytes out, the call read and not done", READ, lambda scene: bool(scene.sending() & scene.called)
    ),
    Point("peer-done", "bytes out, the call done", DONE, lambda scene: bool(scene.sending() & scene.called)),
    Point(
        "before-settle",
        "a reply read but not settled",
        "before-settle-commit",
        lambda scene: scene.count("deliveries where state in ('sending', 'claimed', 'doubtful')") > 0,
    ),
    Point(
        "after-settle",
        "settle's commit, before anybody heard",
        "after-settle-commit",
        lambda scene: scene.count("deliveries where state = 'delivered'") > 0,
    ),
    Point(
        "before-split",
        "some of the split children, a page not committed",
        "before-split-commit",
        _halfway,
        passes=(2, 3, 5),
        flow=PANELS,
    ),
    Point(
        "after-split",
        "some of the split children, a page committed",
        "after-split-commit",
        _halfway,
        passes=(1, 2, 4, 5),
        flow=PANELS,
    ),
    Point(
        "call-before-accept",
        "reading, before accept's commit; a caller waits",
        "before-accept-commit",
        lambda scene: scene.acked <= _called(scene) < scene.sent,
        flow=CALLS,
    ),
    Point(
        "call-after-accept",
        "accept's commit, a caller waits",
        "after-accept-commit",
        lambda scene: _called(scene) > scene.acked,
        flow=CALLS,
    ),
    Point(
        "call-after-sending",
        "sending's commit, a caller waits",
        "after-sending-commit",
        lambda scene: bool(scene.sending() - scene.called),
        flow=CALLS,
    ),
    Point(
        "call-peer-read",
        "bytes out, a trade read and not done",
        READ,
        lambda scene: bool(scene.sending() & scene.called),
        flow=CALLS,
    ),
    Point(
        "call-peer-done",
        "bytes out, a trade done",
        DONE,
        lambda scene: bool(scene.sending() & scene.called),
        flow=CALLS,
    ),
    Point(
        "call-before-settle",
        "a trade's reply read but not settled",
        "before-settle-commit",
        lambda scene: scene.count("deliveries where state in ('sending', 'claimed', 'doubtful')") > 0,
        flow=CALLS,
    ),
    Point(
        "call-after-settle",
        "settle's commit, before the caller heard",
        "after-settle-commit",
        lambda scene: _answered(scene) > scene.acked,
        passes=(1, 2, 3),  # the first of a life are what was asked about, and callers wait for that
        flow=CALLS,
    ),
)
