"""What flows while the bus dies: who sends, over which routes, and how the ledgers are compared in the end."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash import compare
from tests.crash.applications import Applications, Wanted
from tests.crash.compare import few
from tests.crash.destination import Call, Did
from tests.crash.sender import Laboratory, Message
from tests.flow.kept import kept
from tests.flow.programs import Bus

PAGE = 20
"""Children a commit in the flow of panels, so that a panel takes several."""
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


@dataclass(frozen=True, slots=True)
class Flow:
    """One kind of traffic."""

    settle: Callable[[Path], None]
    """Changes the texts of a copied site."""
    sender: Callable[[Bus], Any]
    """Begins to send to a bus: a `Laboratory`, or `Applications`."""
    findings: Callable[[Path, Sequence[Any], Sequence[Call]], list[str]]
    """What does not agree between the sender's ledger, the destination's and the journal."""


def _panels(site: Path) -> None:
    (site / "routes.yaml").write_text(_PANEL_ROUTES, encoding="utf-8")
    (site / "mappings/shapes/panel_item.yaml").write_text(_PANEL_ITEM, encoding="utf-8")
    (site / "mappings/between/notice_item.yaml").write_text(_NOTICE_ITEM, encoding="utf-8")


def _each_item_once(sent: Sequence[Message], calls: Sequence[Call]) -> Iterator[str]:
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


def _compare_panels(site: Path, sent: Sequence[Message], calls: Sequence[Call]) -> list[str]:
    journal = kept(site)
    panels = [message for message in journal if message.route == "result"]
    items = [message for message in journal if message.route != "result"]
    return few(
        compare.acknowledged_is_stored(sent, panels),
        compare.stored_is_delivered(journal, {"result": 1, "item": 1}),
        compare.calls_have_their_attempt(calls),
        compare.calls_have_their_reason(calls, items, step=0),
        _each_item_once(sent, calls),
        compare.journal_is_sound(site),
    )


_NOTICE_ROUTES = """
routes:
  notice.send: {to: messages.send, within: 1s, retry: {for: 1h, then: park}, answer: {within: 5s}}
"""
_NOTICE_CONTRACT = """
operations:
  notice.send:
    says: 向患者发送通知
    method: POST
    path: /notices
    scope: appointment.write
    effect: change
    key: required
    request:
      body:
        scene: {at: scene, required: true}
        patientId: {at: patient_id, required: true}
        mobile: {at: mobile, required: true}
        reportId: {at: report_id, required: true}
        title: title
        reportTime: {at: reported_at, type: time}
    reply: {fields: {serialNo: {at: serial_no}}}
"""


def _notices(site: Path) -> None:
    (site / "routes.yaml").write_text(_NOTICE_ROUTES, encoding="utf-8")
    (site / "mappings/contracts/notices.yaml").write_text(_NOTICE_CONTRACT, encoding="utf-8")
    channel = site / "mappings/channel/app.yaml"
    channel.write_text(channel.read_text(encoding="utf-8").replace("parts: [", "parts: [notices, "), encoding="utf-8")


def _told_once(wanted: Sequence[Wanted], calls: Sequence[Call]) -> Iterator[str]:
    """Every text of which a caller heard that it is done was done once, and no other twice."""
    done = Counter(call.report for call in calls if call.did in (Did.DONE, Did.MUTE))
    for one in wanted:
        if (count := done.pop(one.control_id, 0)) > 1 or count < one.acked:
            yield f"{one.control_id}: done {count} times, and its caller heard {'yes' if one.acked else 'nothing'}"
    yield from (f"{report} was done and nobody wanted it" for report in done)


def _compare_notices(site: Path, wanted: Sequence[Wanted], calls: Sequence[Call]) -> list[str]:
    journal = kept(site)
    carried = [message for message in journal if [step["state"] for step in message.steps] != ["withdrawn"]]
    return few(
        compare.stored_is_delivered(carried, {"notice.send": 1}),
        compare.calls_have_their_attempt(calls),
        compare.calls_have_their_reason(calls, journal, step=0),
        _told_once(wanted, calls),
        compare.journal_is_sound(site),
    )


RESULTS = Flow(lambda _site: None, lambda bus: Laboratory(bus.mllp), compare.findings)
"""Each result goes to the report store and to the message platform."""

LARGE_RESULTS = Flow(lambda _site: None, lambda bus: Laboratory(bus.mllp, large=True), compare.findings)
"""Some of them with a document over 1 MiB."""

PANELS = Flow(_panels, lambda bus: Laboratory(bus.mllp, lines=2, pause=_PAUSE, items=_ITEMS), _compare_panels)
"""Each result is split into its items, and each item goes to the message platform."""

NOTICES = Flow(_notices, Applications, _compare_notices)
"""Callers of the channel wait until the message platform has their text, and repeat their keys until they know."""
