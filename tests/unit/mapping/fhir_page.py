"""The page docs/fhir-coverage.md, made from fhir_coverage.yaml and fhir_differences.yaml.

.venv/bin/python tests/unit/mapping/fhir_page.py
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs/fhir-coverage.md"
_SEGMENTS = {
    "MSH": "message", "PID": "patient", "PV1": "visit", "ORC": "order", "OBR": "request and report", "OBX": "results",
    "NTE": "notes", "SPM": "specimen",
}  # fmt: skip


def page() -> str:
    """The whole page."""
    coverage, differences = (_read(name) for name in ("fhir_coverage", "fhir_differences"))
    return "\n".join([*_head(), *_rows(coverage), *_differences(differences)]) + "\n"


def _read(name: str) -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    return said


def _head() -> Iterator[str]:
    yield "<!-- Made by tests/unit/mapping/fhir_page.py from the two files beside it: change them there. -->"
    yield ""
    yield "# Results as FHIR: what is carried"
    yield ""
    yield "Every field to which HL7's v2-to-FHIR tables give a place, for the segments of a result. That the list is whole, and"
    yield "that each field that is carried makes a difference, tests hold. How it goes out: [fhir.md](fhir.md)."


def _rows(coverage: dict[str, Any]) -> Iterator[str]:
    for segment, name in _SEGMENTS.items():
        yield from ("", f"## {segment}: {name}", "", "| to | carried | left out |", "|---|---|---|")
        for table, said in coverage["tables"].items():
            if table.startswith(segment):
                out = "<br>".join(f"{fields}: {why}" for fields, why in said.get("left_out", {}).items())
                yield f"| {table.partition('_')[2]} | {', '.join(said.get('carried', []))} | {out} |"
    yield from ("", "## Carried in part", "", "| field | what of it |", "|---|---|")
    for field, what in coverage["partly"].items():
        yield f"| {field} | {what} |"


def _differences(said: dict[str, Any]) -> Iterator[str]:
    yield from ("", "## Beside another converter", "")
    yield "The 35 bundles that FHIR-Converter makes of its messages, compared with ours value by value (ids, meta, narrative and what"
    yield f"references lead to apart). {sum(said['equal'].values())} values agree. Of messages that are no ORU only MSH, PID and PV1 are read. Every"
    yield "difference has its reason; the number says how many values stand only in theirs or only in ours."
    yield from ("", "| why | theirs | ours |", "|---|---:|---:|")
    for entry in said["differences"]:
        counts = (str(sum(entry.get(whose, {}).values()) or "") for whose in ("theirs", "ours"))
        yield f"| {entry['why']} | {' | '.join(counts)} |"
    yield from ("", "| their resources that are not made | why |", "|---|---|")
    for kind, why in said["types"].items():
        yield f"| {kind} | {why} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
