"""Kills a bus with SIGKILL at each crash point and at random moments, and compares three ledgers after each series.

Every point has a journal, a sender and a destination of its own; the bus dies there again and again while messages
flow, then everything must come to rest. Exit codes: 0 the ledgers agree, 1 they do not, 2 usage.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.crash.flows import LARGE_RESULTS  # noqa: E402 - found by the line above
from tests.crash.points import POINTS, Point  # noqa: E402 - the same
from tests.crash.trial import Kill, Result, Trial  # noqa: E402 - the same
from tests.postgres_server import running_server  # noqa: E402 - the same

RANDOM = "random"
_SHORTEST, _LONGEST = 0.1, 2.5
"""Seconds of a life that ends at a random moment: some end while the bus still starts."""
_COLUMNS = ("point", "kills", "as §7 says", "messages", "sendings", "calls", "again", "questions", "verdict")


def main() -> int:
    options = _options()
    chance = random.Random(options.seed)
    series = dict(_series(options, chance))
    with (
        tempfile.TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True) as folder,
        _journals(options) as fresh,
    ):
        results = asyncio.run(_all(series, Path(folder), options.jobs, fresh))
    if options.json:
        rows = [_record(name, len(series[name]), result) for name, result in results.items()]
        print(
            json.dumps(
                {"seed": options.seed, "journal": options.journal, "agreed": _agreed(results, series), "points": rows},
                indent=2,
            )
        )
    else:
        _print_table(results, options)
    return 0 if _agreed(results, series) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/crash", description=__doc__)
    names = [point.name for point in POINTS]
    parser.add_argument("--each", type=int, default=20, metavar="N", help="deaths at each point (20)")
    parser.add_argument("--random", type=int, default=40, metavar="N", help="deaths at random moments (40)")
    parser.add_argument("--point", choices=[*names, RANDOM], action="append", help="only here; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="series at the same time (2)")
    parser.add_argument(
        "--journal", choices=("sqlite", "postgres"), default="sqlite", help="what it is kept on (sqlite)"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16), help="of the random moments")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _series(options: argparse.Namespace, chance: random.Random) -> Iterator[tuple[str, list[Kill]]]:
    chosen = options.point or [*(point.name for point in POINTS), RANDOM]
    for point in POINTS:
        if point.name in chosen:
            yield point.name, [Kill(point, at) for at in islice(cycle(point.passes), options.each)]
    if RANDOM in chosen:
        yield RANDOM, [Kill(None, seconds=chance.uniform(_SHORTEST, _LONGEST)) for _ in range(options.random)]


@contextmanager
def _journals(options: argparse.Namespace) -> Iterator[Callable[[], str | None]]:
    """What gives each series a place for its journal; None: a file in its own folder."""
    if options.journal == "sqlite":
        yield lambda: None
    else:
        with running_server() as server:
            yield server.fresh


async def _all(
    series: dict[str, list[Kill]], folder: Path, jobs: int, fresh: Callable[[], str | None]
) -> dict[str, Result]:
    """Runs the series, so many at once, and says how far it is."""
    places, total = asyncio.Semaphore(jobs), sum(map(len, series.values()))
    dead = 0

    def told() -> None:
        nonlocal dead
        dead += 1
        print(f"\r{dead} of {total} deaths", end="", file=sys.stderr, flush=True)

    async def one(name: str, kills: list[Kill]) -> Result:
        async with places:
            (folder / name).mkdir()
            flow = kills[0].point.flow if kills[0].point else LARGE_RESULTS
            return await Trial(folder / name, flow, postgres=fresh(), told=told).run(kills)

    results = await asyncio.gather(*(one(name, kills) for name, kills in series.items()))
    print(file=sys.stderr)
    return dict(zip(series, results, strict=True))


def _agreed(results: dict[str, Result], series: dict[str, list[Kill]]) -> bool:
    return all(result.agreed and result.kills[name] == len(series[name]) for name, result in results.items())


def _record(name: str, wanted: int, result: Result) -> dict[str, object]:
    return {
        "point": name,
        "row": _row_of(name),
        "wanted": wanted,
        "kills": result.kills[name],
        "found": result.found[name],
        "missed": result.missed[name],
        "messages": result.messages,
        "sendings": result.sendings,
        "calls": result.calls,
        "again": result.again,
        "questions": result.questions,
        "findings": result.findings,
    }


def _row_of(name: str) -> str:
    found: Point | None = next((point for point in POINTS if point.name == name), None)
    return found.row if found else "any moment, its start included"


def _print_table(results: dict[str, Result], options: argparse.Namespace) -> None:
    lines = [_COLUMNS, *(_cells(name, result) for name, result in results.items())]
    widths = [max(len(str(line[place])) for line in lines) for place in range(len(_COLUMNS))]
    for line in lines:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(f"\n{options.journal}, seed {options.seed}. calls: at the destination. again: beyond a message's first.")
    for name, result in results.items():
        for finding in result.findings:
            print(f"{name}: {finding}")
        if result.missed[name]:
            print(f"{name}: {result.missed[name]} lives never came there")


def _cells(name: str, result: Result) -> tuple[object, ...]:
    found = result.found[name] if name != RANDOM else "-"
    verdict = "the ledgers agree" if result.agreed else "DISAGREE"
    counts = (result.messages, result.sendings, result.calls, result.again, result.questions)
    return name, result.kills[name], found, *counts, verdict


if __name__ == "__main__":
    sys.exit(main())
