"""Whether an acknowledgement belongs to the message we sent: MSA-2 against our MSH-10.

Only so can a second acknowledgement of the message before, still under way when the next one goes
out, be told from the answer that is waited for. Reads no more of HL7 than this.
"""

import re

_SEGMENT_END = re.compile(r"[\r\n]+")
_MUCH = 4096
_CUT = 20
"""MSH-10 had 20 characters before version 2.7; older peers cut what they echo."""


def control_id(message: bytes) -> str:
    """MSH-10, or nothing where the bytes do not start with a readable MSH."""
    header = _SEGMENT_END.split(_text(message[:_MUCH]), maxsplit=1)[0]
    fields = header.split(header[3:4], 10) if header[:3] == "MSH" and len(header) > 3 else []
    return fields[9] if len(fields) > 9 else ""


def acknowledged_id(reply: bytes) -> str:
    """MSA-2, or nothing."""
    for segment in _SEGMENT_END.split(_text(reply[:_MUCH])):
        if segment[:3] == "MSA" and len(segment) > 3:
            fields = segment.split(segment[3], 3)
            return fields[2] if len(fields) > 2 else ""
    return ""


def answers(reply: bytes, sent: str) -> bool:
    """Whether `reply` may be the answer to the message whose MSH-10 is `sent`."""
    named = acknowledged_id(reply)
    return not named or not sent or named == sent or (len(named) >= _CUT and sent.startswith(named))


def _text(raw: bytes) -> str:
    """Decoded before it is split: the second byte of a GBK character can be `|`."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")
