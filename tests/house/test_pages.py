"""Pages point to what is there: files, headings, folders."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.flow.site import ROOT

PAGES = [ROOT / "CHANGELOG.md", *sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as forges make them: lower case, no punctuation, a dash for each blank."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_the_architecture_names_every_folder() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    parts = {Path(name).parts for name in files}
    floors = {f"engine/{way[1]}" for way in parts if way[0] == "engine" and len(way) > 2}
    beside = {f"{way[0]}/" for way in parts if len(way) > 1 and way[0] not in {"engine", "docs"}}
    suites = {way[1] for way in parts if way[0] == "tests" and len(way) > 2} - {"peers"}
    assert [name for name in sorted(floors | beside | suites) if f"`{name}`" not in page] == []
