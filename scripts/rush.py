"""Lets callers rush for 号源 while the HIS loses answers, and compares what they were told with the HIS's ledger.

Exit codes: 0 they agree, 1 they do not, 2 usage.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.rush.rush import TOTAL, Result, rush  # noqa: E402 - found by the line above


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="rush-") as folder:
        result = rush(
            Path(folder),
            callers=options.callers,
            slots=options.slots,
            lost_each=options.lost_each,
            patience=options.patience,
        )
    if options.json:
        print(json.dumps(asdict(result), ensure_ascii=False, indent=2))
    else:
        _print(result)
    return 1 if result.findings else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/rush", description=__doc__)
    parser.add_argument("--callers", type=int, default=2000, metavar="N", help="at the same time (2000)")
    parser.add_argument("--slots", type=int, default=300, metavar="N", help=f"a multiple of {TOTAL} (300)")
    parser.add_argument(
        "--lost-each", type=int, default=10, metavar="N", help="every N-th answer of the HIS is lost (10)"
    )
    parser.add_argument("--patience", type=float, default=180.0, metavar="S", help="how long a caller asks again (180)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.slots < TOTAL or options.slots % TOTAL:
        parser.error(f"--slots is a multiple of {TOTAL}")
    return options


def _print(result: Result) -> None:
    print(f"{result.callers} callers, {result.slots} numbers")
    print(f"told: {', '.join(f'{code} {count}' for code, count in sorted(result.codes.items()))}")
    print(f"answers on the way: {', '.join(f'{code} {count}' for code, count in sorted(result.answers.items()))}")
    print(
        f"bookings at the HIS: {', '.join(f'{verdict} {count}' for verdict, count in sorted(result.verdicts.items()))}"
    )
    print(f"on a person's list: {result.parked}")
    print(f"longest answer {result.longest_answer} s, the last caller knew after {result.longest_wait} s")
    for finding in result.findings:
        print(finding)
    print("they agree" if not result.findings else "THEY DO NOT AGREE")


if __name__ == "__main__":
    sys.exit(main())
