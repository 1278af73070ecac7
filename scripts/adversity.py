"""Sources and machines that misbehave, done to a whole bus one after another; a table of what came of each.

Exit codes: 0 all as promised, 1 not, 2 usage.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.adversity.cases import CASES, SHORT, Sizes, room_for  # noqa: E402 - found by the line above


def main() -> int:
    options = _options()
    sizes = SHORT if options.short else Sizes()
    room_for(sizes.idle)
    results = []
    for name in options.case or CASES:
        with tempfile.TemporaryDirectory(prefix="adversity-") as folder:
            good, came = True, ""
            try:
                came = CASES[name](Path(folder), sizes)
            except AssertionError as broken:
                good, came = False, f"BROKEN: {broken}"
        results.append({"case": name, "good": good, "came": came})
        if not options.json:
            print(f"{name:36}{came}", flush=True)
    if options.json:
        print(json.dumps(results, indent=2))
    return 0 if all(result["good"] for result in results) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/adversity", description=__doc__)
    parser.add_argument("--short", action="store_true", help="64 MB instead of 1 GB, 600 connections instead of 10,000")
    parser.add_argument("--case", action="append", choices=list(CASES), help="only this one; may be given again")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
