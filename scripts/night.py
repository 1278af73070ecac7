"""Plays the night upload to the supervision platform on a hospital and a bus of their own, and checks it.

Exit codes: 0 all held, 1 something did not.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.night.night import night  # noqa: E402 - found by the line above


def main() -> int:
    argparse.ArgumentParser(prog="scripts/night", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="night-") as folder:
        findings = night(Path(folder), lambda words: print(words, flush=True))
    print("\nAll of it held." if not findings else "\n" + "\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
