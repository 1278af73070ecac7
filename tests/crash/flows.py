"""What flows while the bus dies: who sends, over which routes, and how the ledgers are compared in the end."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tests.crash import compare, compare_calls
from tests.crash.callers import Callers
from tests.crash.compare import few
from tests.crash.destination import Notice, Platform
from tests.crash.ledger import Call, Did, Watch
from tests.crash.sender import Laboratory, Message
from tests.crash.witness import Witness
from tests.flow.kept import kept
from tests.flow.programs import Around, Bus

_ITEMS, _PAUSE = 45, 1.0

_PANEL_ROUTES = """
routes:
  result:
    from: results.result
    key: {by: [sender.app, sender.facility, report_id, version, state], other_content: new}
    steps:
      each: {each: items, to: route.item, map: notice_item}
    answer: {after: accepted}
  item:
    from: route
    key: [report_id, title, reported_at]
    steps:
      notify: {to: messages.send}
"""
_PANEL_ITEM = """
shape: panel_item
fields: {code: text, value: text}
"""
_NOTICE_ITEM = """
between: notice_item
takes: panel_item
gives: notice
fields:
  scene: =REPORT_READY
  patient_id: parent.patient.id
  mobile: parent.patient.mobile
  title: code
  report_id: parent.report_id
  reported_at: parent.version
"""


class Destination(Protocol):
    """A peer with a ledger of its own; it stays while buses come and go."""

    watch: Watch
    wrong: list[str]
    """What a strict peer complains of."""
    questions: int
    """How often it was asked what became of a call."""
    around: Around
    """Where it stands, once it has started."""

    @property
    def ledger(self) -> Sequence[Call]: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Sender(Protocol):
    """Whoever sends again until he knows. It begins when it is made."""

    wrong: list[str]

    @property
    def ledger(self) -> Sequence[Any]: ...
    @property
    def sent(self) -> int:
        """How much of the ledger went out, once or more often."""

    @property
    def acked(self) -> int:
        """How much of it he knows to be taken."""

    @property
    def sendings(self) -> int: ...
    async def heard(self) -> None:
        """Returns when nothing that a dead bus said is on its way to him any more."""

    async def finish(self) -> None:
        """Begins nothing new; returns when he knows of everything."""

    async def abandon(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Flow:
    """One kind of traffic."""

    destination: Callable[[Path], Any]
    """Makes the `Destination` beside a site."""
    sender: Callable[[Bus, Any], Sender]
    """Begins to send to a bus; hears of the destination, which has started."""
    findings: Callable[[Path, Any, Any], list[str]]
    """What does not agree at rest: of the site, the sender and the destination."""
    settle: Callable[[Path], None] = lambda _site: None
    """Changes the texts of a copied site."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What differs from those of the sandbox, by place."""
    rest: float = 90.0
    """Seconds until everything must have come to rest after the last death."""


def _panels(site: Path) -> None:
    (site / "routes.yaml").write_text(_PANEL_ROUTES, encoding="utf-8")
    (site / "mappings/shapes/panel_item.yaml").write_text(_PANEL_ITEM, encoding="utf-8")
    (site / "mappings/between/notice_item.yaml").write_text(_NOTICE_ITEM, encoding="utf-8")


def _store_and_platform(site: Path) -> None:
    """Without the FHIR server: its step goes the way of the store's, and its own doubts have tests of their own."""
    file = site / "routes.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept_lines = [line for line in lines if "to: fhir.save_report" not in line]
    assert len(kept_lines) == len(lines) - 1
    file.write_text("".join(kept_lines), encoding="utf-8")


def _each_item_once(sent: Sequence[Message], calls: Sequence[Notice]) -> Iterator[str]:
    """Every item of every acknowledged panel was told once, and nothing else."""
    told = Counter(
        (call.report, "".join(filter(str.isdigit, call.report_time)), call.title)
        for call in calls
        if call.did in (Did.DONE, Did.MUTE)
    )
    for message in sent:
        for number in range(message.items if message.acked else 0):
            if (count := told.pop((message.report, message.version, f"I{number}"), 0)) != 1:
                yield f"{message.control_id}: its item {number} was told {count} times"
    for report, version, title in told:
        yield f"{report} of {version}: {title} was told and never sent"


def _compare_results(site: Path, laboratory: Laboratory, platform: Platform) -> list[str]:
    return compare.findings(site, laboratory.ledger, platform.ledger)


def _compare_panels(site: Path, laboratory: Laboratory, platform: Platform) -> list[str]:
    journal, sent, calls = kept(site), laboratory.ledger, platform.ledger
    panels = [message for message in journal if message.route == "result"]
    items = [message for message in journal if message.route != "result"]
    return few(
        compare.acknowledged_is_stored(sent, panels),
        compare.stored_is_delivered(journal, {"result": 1, "item": 1}),
        compare.calls_have_their_attempt(calls),
        compare.calls_have_their_reason(calls, items),
        _each_item_once(sent, calls),
        compare.journal_is_sound(site),
    )


def _laboratory(bus: Bus, _platform: Platform, **ways: Any) -> Laboratory:
    return Laboratory(bus.mllp, **ways)


_platform = partial(Platform, app="hisbus")

RESULTS = Flow(_platform, _laboratory, _compare_results, settle=_store_and_platform)
"""Each result goes to the report store and to the message platform."""

LARGE_RESULTS = Flow(_platform, partial(_laboratory, large=True), _compare_results, settle=_store_and_platform)
"""Some of them with a document over 1 MiB."""

PANELS = Flow(_platform, partial(_laboratory, lines=2, pause=_PAUSE, items=_ITEMS), _compare_panels, settle=_panels)
"""Each result is split into its items, and each item goes to the message platform."""

CALLS = Flow(
    Witness,
    Callers,
    compare_calls.findings,
    settings={"systems.his.breaker.pause": "300ms", "systems.channel.clients": "{demo-app: {pace: 100000/s}}"},
)
"""Applications lock, book and cancel numbers of the HIS, and wait to be told."""
