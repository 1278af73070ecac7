"""`python -m sandbox.cli`: everything port 9000 can do, from the command line.

Exit codes: 0 done, 1 refused (or, for `compare`, the ledgers disagree), 2 usage, 3 no sandbox there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from sandbox.fhir import cli as fhir
from sandbox.his import cli as his
from sandbox.regulator import cli as regulator
from sandbox.warehouse import cli as warehouse

_SHORT = ("preliminary", "final", "correct", "withdraw", "late-old-version")
_HARMLESS = {"ok", "optional", "listed", "counter", "corrected"}
_WIDEST = 40
_DESKS = {"his": his.request, "fhir": fhir.request, "regulator": regulator.request, "warehouse": warehouse.request}
"""Systems with commands of their own."""


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.cli", description="Acts and ledgers of a running sandbox.")
    parser.add_argument("--at", default=os.environ.get("SANDBOX_URL", "http://127.0.0.1:9000"), help="its own page")
    parser.add_argument("--json", action="store_true", help="the answer as it came")
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    _report_acts(acts)
    _traffic_acts(acts)
    _reading_acts(acts)
    his.add(acts)
    fhir.add(acts)
    regulator.add(acts)
    warehouse.add(acts)
    return parser


def _report_acts(acts: Any) -> None:
    publish = acts.add_parser("publish", help="a new report, sent at once")
    publish.add_argument("kind", choices=("lab", "exam"))
    publish.add_argument("--patient", help="patient id; see `patients`")
    publish.add_argument("--item", help="CBC BIO COAG URINE MICRO; CT01 DR01 US01 MR01")
    publish.add_argument("--sender", help="which system sends it; see `health`")
    publish.add_argument("--preliminary", action="store_true", help="status P instead of F")
    words = (
        "a preliminary version (of a final report: its verification is taken back)",
        "a final version",
        "a corrected version with another value",
        "withdraw it: status X",
        "send the version before the newest again",
    )
    for name, text in zip(_SHORT, words, strict=True):
        acts.add_parser(name, help=text).add_argument("report", metavar="ID")
    resend = acts.add_parser("resend", help="the last message again: same control id, new MSH-7")
    resend.add_argument("report", metavar="ID")
    resend.add_argument("--new-id", action="store_true", help="under a new control id")


def _traffic_acts(acts: Any) -> None:
    burst = acts.add_parser("burst", help="many new reports at once")
    burst.add_argument("count", type=int, metavar="N")
    burst.add_argument("--connections", type=int, default=1, metavar="K")
    burst.add_argument("--sender", default="lis-main")
    burst.add_argument("--batch", type=int, default=0, metavar="SIZE", help="in batches (FHS/BHS) of this size")
    restart = acts.add_parser("restart-numbering", help="MSH-10 begins at 1 again")
    restart.add_argument("--sender", default="lis-north")
    faults = acts.add_parser("faults", help="what is switched on, and what there is")
    choose = faults.add_subparsers(dest="fault", metavar="add|clear")
    add = choose.add_parser("add", help="switch one on")
    add.add_argument("system")
    add.add_argument("kind")
    add.add_argument("--amount", type=float)
    add.add_argument("--chance", type=float, default=1.0)
    add.add_argument("--times", type=int)
    add.add_argument("--every", type=int, metavar="N", help="each N-th call only")
    choose.add_parser("clear", help="switch one off, or all").add_argument("id", nargs="?", type=int)


def _reading_acts(acts: Any) -> None:
    ledger = acts.add_parser("ledger", help="what was sent, what the gateway took, every call")
    ledger.add_argument("which", choices=("sent", "gateway", "calls"))
    for name in ("sender", "report", "control-id", "msg-id", "patient", "system"):
        ledger.add_argument(f"--{name}")
    ledger.add_argument("--limit", type=int, default=20)
    acts.add_parser("compare", help="the two ledgers side by side").add_argument("--verdict")
    acts.add_parser("patients", help="who lives here").add_argument("--limit", type=int, default=20)
    reports = acts.add_parser("reports", help="newest first")
    reports.add_argument("--patient")
    reports.add_argument("--sender")
    reports.add_argument("--limit", type=int, default=20)
    acts.add_parser("health", help="every system's state")


def request(options: argparse.Namespace) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body of what was asked for."""
    given = {
        k: v for k, v in vars(options).items() if v is not None and k not in ("at", "json", "act", "fault", "which")
    }
    match options.act:
        case "his" | "fhir" | "regulator" | "warehouse":
            return _DESKS[options.act](given.pop(options.act), given)
        case "publish":
            given["status"] = "P" if given.pop("preliminary") else "F"
        case "faults" if options.fault == "add":
            return "POST", "/faults", given
        case "faults" if options.fault == "clear":
            return "POST", "/faults/clear", given
        case "ledger":
            return "GET", f"/ledger/{options.which}?{urlencode(given)}", None
        case "compare" | "patients" | "reports" | "health" | "faults":
            return "GET", f"/{options.act}?{urlencode(given)}", None
    return "POST", f"/{options.act}", given


def ask(at: str, method: str, path: str, body: dict[str, Any] | None) -> Any:
    """The JSON answer; HTTPError where the sandbox said no."""
    data = None if body is None else json.dumps(body).encode()
    asked = Request(at.rstrip("/") + path, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - the user's own address
    with urlopen(asked, timeout=60) as answer:  # noqa: S310 - the same
        return json.loads(answer.read())


def lines(answer: Any) -> list[str]:
    """The answer as aligned text: rows as a table, an object as one field a line."""
    if not isinstance(answer, dict):
        return [str(answer)]
    if "kinds" in answer:
        return _fault_lines(answer)
    text = [f"{name}: {_short(value)}" for name, value in answer.items() if name not in ("rows", "senders")]
    rows = answer.get("rows", answer.get("senders", []))
    return [*text, *_table(rows)] if rows else text


def _fault_lines(answer: dict[str, Any]) -> list[str]:
    """What is switched on, then the kinds that there are, each list of them once, under all who have it."""
    whose: dict[str, list[str]] = {}
    for system, kinds in answer["kinds"].items():
        whose.setdefault(json.dumps(kinds), []).append(system)
    text = _table(answer["active"]) if answer["active"] else ["nothing is switched on"]
    for kinds, systems in whose.items():
        text += ["", *textwrap.wrap(" ".join(systems), 120)]
        text += [f"  {kind:<20}{says}" for kind, says in json.loads(kinds).items()]
    return text


def _table(rows: list[dict[str, Any]]) -> list[str]:
    heads = list(rows[0])
    cells = [heads, *[[_short(row.get(head)) for head in heads] for row in rows]]
    widths = [min(max(len(line[i]) for line in cells), _WIDEST) for i in range(len(heads))]
    table = ["  ".join(cell[:_WIDEST].ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return [line.rstrip() for line in table]


def _short(value: Any) -> str:
    return (
        "" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    )


def main(words: list[str] | None = None) -> int:
    options = arguments().parse_args(words)
    try:
        answer = ask(options.at, *request(options))
    except HTTPError as error:
        sys.stderr.write(f"{error.read().decode()}\n")
        return 1
    except (URLError, OSError) as error:
        sys.stderr.write(f"no sandbox at {options.at}: {error}\n")
        return 3
    shown = [json.dumps(answer, ensure_ascii=False, indent=1)] if options.json else lines(answer)
    sys.stdout.write("\n".join(shown) + "\n")
    compared = "compare" in (options.act, *(getattr(options, desk, "") for desk in _DESKS))
    verdicts = {*answer["summary"], *answer.get("regulator", ()), *answer.get("fhir", ())} if compared else set()
    return int(bool(verdicts - _HARMLESS))


if __name__ == "__main__":
    sys.exit(main())
