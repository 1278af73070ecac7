"""How the hospital's senders differ: version, character set, acknowledgement, numbering, and who follows the standard.

Two schools. `field` is what Chinese hospitals really send: identifiers without type codes, the whole name in
component 2, the identity number in PID-19, the phone in component 7. `coded` follows the standard, with type codes.
"""

from dataclasses import dataclass, replace
from typing import Literal

Numbering = Literal["dated", "long", "restart"]
"""`dated`: `LIS20250101000001`; `long`: 36 characters, longer than the standard's 20 and seen in practice;
`restart`: 1, 2, 3 …, and from 1 again whenever the program restarts."""


@dataclass(frozen=True, slots=True)
class Style:
    """One way of writing ORU^R01."""

    version: str
    charset: str  # MSH-18 as declared
    codec: str  # what the bytes really are
    school: Literal["field", "coded"]
    numbering: Numbering
    arrows: bool = False  # ↑ ↓ instead of H L
    accept_ack: str = ""  # MSH-15; empty with MSH-16: original mode
    application_ack: str = ""  # MSH-16
    zone: bool = False  # times carry +0800

    @property
    def enhanced(self) -> bool:
        return bool(self.accept_ack or self.application_ack)

    @property
    def trigger(self) -> tuple[str, ...]:
        """MSH-9; the structure in component 3 came with 2.3.1 and is left out by the `field` school."""
        return ("ORU", "R01", "ORU_R01") if self.school == "coded" and self.version != "2.3" else ("ORU", "R01")

    def at_least(self, version: str) -> bool:
        return _order(self.version) >= _order(version)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


_V24 = Style("2.4", "UNICODE UTF-8", "utf-8", "field", "dated")
STYLES = {
    "v23": Style("2.3", "GB 18030-2000", "gb18030", "field", "dated", arrows=True),
    "v231": Style("2.3.1", "UNICODE", "utf-8", "field", "restart", arrows=True),
    "v24": _V24,
    "v24-gb": replace(_V24, charset="GB 18030-2000", codec="gb18030", numbering="long"),
    "v251": Style("2.5.1", "GB 18030-2000", "gb18030", "coded", "dated", accept_ack="AL", application_ack="NE"),
    "v27": Style("2.7", "UNICODE UTF-8", "utf-8", "coded", "dated", accept_ack="AL", application_ack="AL", zone=True),
    "v28": Style("2.8", "UNICODE UTF-8", "utf-8", "coded", "long", zone=True),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """One sender of the hospital: a connection, a counter and an outbox of its own."""

    name: str
    title: str
    group: Literal["lis", "pacs"]
    campus: str
    style: str
    application: str  # MSH-3
    facility: str = ""  # MSH-4; empty in the `field` school


SENDERS = {
    sender.name: sender
    for sender in (
        Identity("lis-main", "桃源院区检验系统", "lis", "main", "v24", "LIS"),
        Identity("lis-north", "北院院区检验系统(重启后从1编号)", "lis", "north", "v231", "LIS-BY"),
        Identity("lis-lake", "星湖门诊检验系统", "lis", "lake", "v251", "LIS-XH", "LAKE"),
        Identity("lis-micro", "微生物系统", "lis", "main", "v28", "MICRO", "MAIN"),
        Identity("pacs-main", "桃源院区影像系统", "pacs", "main", "v24-gb", "PACS"),
        Identity("pacs-north", "北院院区影像系统", "pacs", "north", "v23", "RIS-BY"),
        Identity("pacs-lake", "星湖门诊影像系统", "pacs", "lake", "v27", "PACS-XH", "LAKE"),
    )
}
RECEIVER = "HIP"  # MSH-5: the integration platform, as hospitals call it
