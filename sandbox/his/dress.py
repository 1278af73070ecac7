"""A result as this site writes it: with the habits of real ones that its quirks name (`site.QUIRKS`)."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from sandbox.his.frame import write

_FEES = re.compile(r"<(Fee|RegFee|CheckupFee|ServiceFee|OtherFee)>(\d+)\.(\d\d)</")
_TEXTS = re.compile(r"</(DepartmentName|DoctorName|PatientName|AdmitAddress)>")


def dressed(result: Mapping[str, Any], quirks: Collection[str]) -> str:
    """The payload; quirks of single trades (swapped sessions, empty totals) are those trades' own."""
    text = write(result, "Reponse" if "wrong_root" in quirks else "Response")
    if "fee_text" in quirks:
        text = _FEES.sub(_as_text, text)
    if "unclosed" in quirks:
        text = text.replace("</StopDoctorInfos>", "<StopDoctorInfos>").replace("</Schedules>", "<Schedules>")
    if "trailing" in quirks:
        text = "\ufeff" + _TEXTS.sub(r"   </\1>", text) + "  \r\n"
    if "gb_declaration" in quirks:
        text = '<?xml version="1.0" encoding="GB2312"?>' + text
    return text


def _as_text(found: re.Match[str]) -> str:
    """`  15.00元`, and `.38` for 0.38."""
    tag, whole, part = found.groups()
    return f"<{tag}>  {'' if whole == '0' else whole}.{part}元</"
