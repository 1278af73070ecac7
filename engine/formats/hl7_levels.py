"""Which segments belong to which: an order's observations, an observation's notes.

The abstract message structures of the standard nest by a handful of *header* segments. Reading by
levels instead of by one version's structure tables works for every message type and version, and
for senders who leave out, add or reorder the rest.

A repeat of a header (`each: OBR`) holds the segments after it, up to the next header of the same or
a higher level. Two kinds occur on several levels and belong to the nearest header only: NTE, and the
OBX after an SPM, which describe the specimen and are no results of the order.
"""

_HEADERS = {
    "MSH": 0, "PID": 1, "MFE": 2, "RGS": 2, "ORC": 2,
    "OBR": 3, "RXO": 3, "RXE": 3, "RXD": 3, "RXG": 3, "RXA": 3, "TXA": 3, "AIS": 3, "AIG": 3, "AIL": 3, "AIP": 3,
    "FT1": 4, "IN1": 4, "SPM": 4, "OBX": 5,
}  # fmt: skip
_OF_MESSAGE = frozenset({"MSH", "EVN", "SFT", "UAC", "MSA", "ERR", "QAK", "QPD", "QRD", "QRF", "SCH", "ARQ", "MFI"})
_OF_PATIENT = frozenset({"PID", "PD1", "NK1", "PV1", "PV2", "MRG", "ACC"})
_LEAF = 9


def ends(header: str, segment: str) -> bool:
    """Whether `segment`, coming after `header`, is no longer part of it."""
    if segment == header:
        return True
    if header not in _HEADERS:  # any other segment holds its own notes and the site's segments
        return segment != "NTE" and segment[:1] != "Z"
    return _HEADERS.get(segment, _LEAF) <= _HEADERS[header]


def is_header(segment: str) -> bool:
    """Whether other segments can belong to this one."""
    return segment in _HEADERS


def belongs(header: str, nearest: str, segment: str) -> bool:
    """Whether a repeat of `header` offers `segment`, which stands below the header `nearest`."""
    if segment == "NTE":
        return nearest == header
    return not (segment == "OBX" and nearest == "SPM" and header != "SPM")


def is_above(header: str, segment: str) -> bool:
    """Whether a repeat of `header` finds `segment` around itself: an OBX its OBR, an OBR its PV1."""
    level = _HEADERS.get(header, _LEAF)
    if segment in _OF_MESSAGE:
        return level > 0
    if segment in _OF_PATIENT:
        return level > 1 or (segment == "PID" and header != "PID")
    return segment in _HEADERS and _HEADERS[segment] < level


def is_of_message(segment: str) -> bool:
    """Whether there is one such segment for the whole message, not one for each patient."""
    return segment in _OF_MESSAGE


def opener_of(segment: str) -> tuple[str, int]:
    """The segment that ends the reach of `segment`, and how many of them it reaches over.

    What a patient has ends with the next PID. An ORC is of the one OBR after it: a second OBR without an
    ORC of its own has none, for a wrong order number is worse than none.
    """
    return ("OBR", 1) if segment == "ORC" else ("PID", 0)
