"""Reading what came back: acknowledgements in original and enhanced mode, and what is wrong with them.

The sender is lenient where a wrong acknowledgement still says clearly what happened, but it writes down every
complaint, so that a test can ask for none.
"""

from dataclasses import dataclass
from typing import Literal

from sandbox.er7 import message, parts, segment
from sandbox.styles import RECEIVER, Identity, Style

Verdict = Literal["accepted", "refused", "rejected"]
_VERDICTS: dict[str, Verdict] = {
    "AA": "accepted",
    "CA": "accepted",
    "AE": "refused",
    "CE": "refused",
    "AR": "rejected",
    "CR": "rejected",
}


@dataclass(frozen=True, slots=True)
class Ack:
    """One acknowledgement: `of` is MSA-2, the control id of the message it speaks about."""

    code: str
    of: str
    text: str
    raw: bytes
    header: tuple[str, ...]  # MSH by HL7 number: header[10] is MSH-10

    @property
    def verdict(self) -> Verdict:
        """What the sender does with it; an unknown code counts as an error and is tried again."""
        return _VERDICTS.get(self.code, "refused")

    @property
    def wants_commit(self) -> bool:
        """An application acknowledgement is a message of its own and may ask for a commit acknowledgement."""
        return self.header[15] == "AL"


def read(payload: bytes, codec: str) -> list[Ack]:
    """All acknowledgements of one frame: one, or a batch of them. ValueError where there is none."""
    acks: list[Ack] = []
    current: list[str] = []
    for line in [*payload.decode(codec, "replace").replace("\n", "\r").split("\r"), "MSH"]:
        if line.startswith("MSH") and current:
            acks.append(_one(current, payload))
            current = []
        if line.startswith("MSH") or current:
            current.append(line)
    if not acks:
        raise ValueError("no MSH in the answer")
    return acks


def _one(lines: list[str], payload: bytes) -> Ack:
    separator = lines[0][3:4]
    header = ["MSH", separator, *lines[0].split(separator)[1:]]
    msa = next((line.split(separator) for line in lines if line.startswith("MSA")), None)
    if msa is None or len(msa) < 3:
        raise ValueError("no MSA-1 and MSA-2 in the answer")
    error = next((line for line in lines if line.startswith("ERR")), "")
    text = " ".join(part for part in ((msa[3] if len(msa) > 3 else ""), error) if part)
    return Ack(code=msa[1], of=msa[2], text=text, raw=payload, header=(*header, *[""] * (25 - len(header))))


def complaints(ack: Ack, sender: Identity, style: Style) -> list[str]:
    """What a strict reader finds wrong in the header and the code, in words."""
    header = ack.header
    found = []
    if not header[9].startswith("ACK"):
        found.append(f"MSH-9 is {header[9]!r}, not ACK")
    if (header[3], header[5]) != (RECEIVER, sender.application):
        found.append("MSH-3 and MSH-5 are not ours exchanged")
    if header[6] != sender.facility:
        found.append("MSH-6 is not our MSH-4")
    if header[12].split("^")[0] != style.version:
        found.append(f"MSH-12 is {header[12]!r}, ours was {style.version}")
    if header[18] != style.charset:
        found.append(f"MSH-18 is {header[18]!r}, ours was {style.charset}")
    if not header[7] or not header[10]:
        found.append("MSH-7 or MSH-10 is empty")
    if ack.code not in _VERDICTS:
        found.append(f"MSA-1 {ack.code!r} is in no table")
    elif ack.code.startswith("C") and not style.enhanced:
        found.append(f"{ack.code} answers a message in original mode")
    elif ack.code.startswith("A") and style.accept_ack == "AL":
        found.append(f"{ack.code} where a commit acknowledgement was asked for")
    return found


def commit(ack: Ack, sender: Identity, style: Style, stamp: str) -> bytes:
    """Our commit acknowledgement of an application acknowledgement that asked for one."""
    control_id = ack.header[10]
    fields: dict[int, object] = {
        3: sender.application,
        4: sender.facility,
        5: ack.header[3],
        7: stamp,
        9: "ACK",
        10: f"C{control_id}"[:20],
        11: "P",
        12: style.version,
        18: style.charset,
    }
    return message([segment("MSH", fields), segment("MSA", {1: "CA", 2: parts(control_id)})]).encode(style.codec)
