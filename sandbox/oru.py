"""A report of this hospital as an ORU^R01 message, in the style of the sender (HL7 v2 chapter 7).

OBR-3 is the report's number and never changes; OBR-22 is the result time and tells the versions apart.
"""

from dataclasses import dataclass
from typing import Any

from sandbox import oru_patient, oru_results, times
from sandbox.er7 import message, parts, segment
from sandbox.store import Row
from sandbox.styles import RECEIVER, Identity, Style


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a message says about one version of one report: rows of the store."""

    report: Row
    version: Row
    content: Any  # a list of items for the laboratory, findings and impression for imaging
    order: Row
    visit: Row
    patient: Row
    campus: Row
    ward: Row  # the department that ordered
    service: Row  # the department that examined
    physician: Row
    examiner: Row
    link: str  # where the PDF can be fetched


def build(facts: Facts, sender: Identity, style: Style, control_id: str, at: int) -> str:
    """The message text, each segment ended by CR; encode it with `style.codec`."""
    writer = oru_patient.FIELD if style.school == "field" else oru_patient.CODED
    segments = [
        _header(sender, style, control_id, at),
        segment("PID", writer.pid(facts, style)),
        segment("PV1", writer.pv1(facts, style)),
    ]
    segments += oru_results.groups(facts, style)
    return message(segments)


def _header(sender: Identity, style: Style, control_id: str, at: int) -> str:
    fields: dict[int, object] = {
        3: sender.application,
        4: sender.facility,
        5: RECEIVER,
        7: times.hl7(at, zone=style.zone),
        9: parts(*style.trigger),
        10: control_id,
        11: "P",
        12: style.version,
        15: style.accept_ack,
        16: style.application_ack,
        17: "CHN" if style.school == "coded" else "",
        18: style.charset,
    }
    return segment("MSH", fields)
