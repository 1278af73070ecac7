"""A copied site whose HIS is of another vendor: what `docs/new-vendor.md` tells to write, written."""

import re
from pathlib import Path

from tests.flow.site import ROOT

PAGE = ROOT / "docs/new-vendor.md"
ASMX = "/HisService/BookingService.asmx"
_SYSTEM = re.compile(r"^  his:.*?(?=^  \w+:)", re.MULTILINE | re.DOTALL)


def connect_neusoft(site: Path) -> None:
    """Puts the page's block in the place of the system `his` in the copied settings."""
    file = site / "config/sandbox.yaml"
    text = file.read_text(encoding="utf-8")
    block = next(one for one in yaml_blocks() if one.startswith("systems:\n  his:")).removeprefix("systems:\n")
    changed, times = _SYSTEM.subn(lambda _: block, text)
    assert times == 1, "the settings' system his is not found any more"
    file.write_text(changed, encoding="utf-8")


def yaml_blocks() -> list[str]:
    """The page's ```yaml blocks, in order."""
    return re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
