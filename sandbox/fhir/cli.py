"""The words of `python -m sandbox.cli fhir …`, and what they ask of port 9000."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode


def add(acts: Any) -> None:
    """Adds the command `fhir` with all its own."""
    fhir = acts.add_parser("fhir", help="the clinical data repository: what it has")
    choose = fhir.add_subparsers(dest="fhir", required=True, metavar="counts|compare")
    choose.add_parser("counts", help="resources of each type, their versions and statuses")
    comparing = choose.add_parser("compare", help="each report with a verdict: ok, missing, duplicate, stale, wrong")
    comparing.add_argument("--verdict")


def request(act: str, given: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body of one command."""
    return "GET", f"/fhir/{act}?{urlencode(given)}", None
