"""Kills a bus with SIGKILL at each crash point and at random moments, and compares three ledgers after each series.

Every point has a journal, a sender and a destination of its own; the bus dies there again and again while messages
flow, or while callers lock and book numbers of a HIS; then everything must come to rest. Exit codes: 0 the ledgers
agree, 1 they do not, 2 usage.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.crash.flows import CALLS, LARGE_RESULTS, Flow  # noqa: E402 - found by the line above
from tests.crash.mixed import MIXED  # noqa: E402 - the same
from tests.crash.points import POINTS  # noqa: E402 - the same
from tests.crash.trial import Kill, Result, Trial  # noqa: E402 - the same
from tests.postgres_server import running_server  # noqa: E402 - the same

RANDOM = {"random": LARGE_RESULTS, "call-random": CALLS}
"""Series of random moments, and what flows meanwhile."""
_FLOWS = {"mixed": MIXED}
"""What `--flow` takes: everything at once, from several senders to several systems."""
_SHORT = 4
_STARTING = 4
"""Of so many lives of a flow one is counted from its start, the others from when they accept."""
_ANY = "any moment, its start included"
_SHORTEST, _LONGEST = 0.1, 4.0
"""Seconds of a life that ends at a random moment: some end while the bus still starts."""
_COLUMNS = (
    "point", "kills", "as §7 says", "messages", "sendings", "calls", "again", "questions", "in flight", "repeated",
    "verdict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """Deaths of one kind, over which one flow goes on."""

    row: str
    flow: Flow
    kills: list[Kill]

    def died(self, result: Result) -> int:
        """Deaths where they were meant."""
        return result.kills[self.kills[0].name] if self.kills else 0


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
        rows = [_record(name, series[name], result) for name, result in results.items()]
        print(
            json.dumps(
                {"seed": options.seed, "journal": options.journal, "agreed": _agreed(results, series), "points": rows},
                indent=2,
            )
        )
    else:
        _print_table(results, series, options)
    return 0 if _agreed(results, series) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/crash", description=__doc__)
    names = [point.name for point in POINTS]
    parser.add_argument("--each", type=int, default=20, metavar="N", help="deaths at each point (20)")
    parser.add_argument(
        "--random", type=int, default=40, metavar="N", help="deaths at random moments, of each flow (40)"
    )
    parser.add_argument("--point", choices=[*names, *RANDOM], action="append", help="only here; may be repeated")
    parser.add_argument("--flow", choices=_FLOWS, help="only deaths at random moments, while this flows")
    parser.add_argument("--deaths", type=int, default=1000, metavar="N", help="of --flow, shared by its jobs (1000)")
    parser.add_argument("--short", action="store_true", help=f"--deaths {_SHORT}, one job")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="series at the same time (2)")
    parser.add_argument(
        "--journal", choices=("sqlite", "postgres"), default="sqlite", help="what it is kept on (sqlite)"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16), help="of the random moments")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.short:
        options.deaths, options.jobs = _SHORT, 1
    return options


def _series(options: argparse.Namespace, chance: random.Random) -> Iterator[tuple[str, Series]]:
    return _of_flow(options, chance) if options.flow else _of_points(options, chance)


def _of_flow(options: argparse.Namespace, chance: random.Random) -> Iterator[tuple[str, Series]]:
    """One series for each job, with a site and a journal of its own."""
    for job in range(options.jobs):
        deaths = len(range(job, options.deaths, options.jobs))
        kills = [replace(kill, ready=n % _STARTING > 0) for n, kill in enumerate(_random_kills(chance, deaths))]
        yield f"{options.flow}-{job + 1}", Series(_ANY, _FLOWS[options.flow], kills)


def _random_kills(chance: random.Random, deaths: int) -> list[Kill]:
    return [Kill(None, seconds=chance.uniform(_SHORTEST, _LONGEST)) for _ in range(deaths)]


def _of_points(options: argparse.Namespace, chance: random.Random) -> Iterator[tuple[str, Series]]:
    chosen = options.point or [*(point.name for point in POINTS), *RANDOM]
    for point in POINTS:
        if point.name in chosen:
            kills = [Kill(point, at) for at in islice(cycle(point.passes), options.each)]
            yield point.name, Series(point.row, point.flow, kills)
    for name, flow in RANDOM.items():
        if name in chosen:
            yield name, Series(_ANY, flow, _random_kills(chance, options.random))


@contextmanager
def _journals(options: argparse.Namespace) -> Iterator[Callable[[], str | None]]:
    """What gives each series a place for its journal; None: a file in its own folder."""
    if options.journal == "sqlite":
        yield lambda: None
    else:
        with running_server() as server:
            yield server.fresh


async def _all(
    series: dict[str, Series], folder: Path, jobs: int, fresh: Callable[[], str | None]
) -> dict[str, Result]:
    """Runs the series, so many at once, and says how far it is."""
    places, total = asyncio.Semaphore(jobs), sum(len(one.kills) for one in series.values())
    dead = 0

    def told() -> None:
        nonlocal dead
        dead += 1
        print(f"\r{dead} of {total} deaths", end="", file=sys.stderr, flush=True)

    async def one(name: str, its: Series) -> Result:
        async with places:
            (folder / name).mkdir()
            return await Trial(folder / name, its.flow, postgres=fresh(), told=told).run(its.kills)

    results = await asyncio.gather(*(one(name, its) for name, its in series.items()))
    print(file=sys.stderr)
    return dict(zip(series, results, strict=True))


def _agreed(results: dict[str, Result], series: dict[str, Series]) -> bool:
    return all(
        result.agreed and series[name].died(result) == len(series[name].kills) for name, result in results.items()
    )


def _record(name: str, series: Series, result: Result) -> dict[str, object]:
    return {
        "point": name,
        "row": series.row,
        "wanted": len(series.kills),
        "kills": series.died(result),
        "found": result.found[name],
        "missed": result.missed[name],
        "messages": result.messages,
        "sendings": result.sendings,
        "calls": result.calls,
        "again": result.again,
        "questions": result.questions,
        "in_flight": result.in_flight,
        "repeated": result.repeated,
        "findings": result.findings,
    }


def _print_table(results: dict[str, Result], series: dict[str, Series], options: argparse.Namespace) -> None:
    lines = [_COLUMNS, *(_cells(name, series[name], result) for name, result in results.items())]
    widths = [max(len(str(line[place])) for line in lines) for place in range(len(_COLUMNS))]
    for line in lines:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(f"\n{options.journal}, seed {options.seed}. calls: at the destination. again: beyond a message's first.")
    for name, result in results.items():
        for finding in result.findings:
            print(f"{name}: {finding}")
        if result.missed[name]:
            print(f"{name}: {result.missed[name]} lives never came there")


def _cells(name: str, series: Series, result: Result) -> tuple[object, ...]:
    found = "-" if series.row == _ANY else result.found[name]
    verdict = "the ledgers agree" if result.agreed else "DISAGREE"
    counts = (result.messages, result.sendings, result.calls, result.again, result.questions)
    return name, series.died(result), found, *counts, result.in_flight, result.repeated, verdict


if __name__ == "__main__":
    sys.exit(main())
