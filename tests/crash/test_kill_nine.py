"""kill -9 at every crash point and at random moments: the short form of `scripts/crash`."""

from pathlib import Path

import pytest

from tests.crash.flows import CALLS, LARGE_RESULTS, PANELS, RESULTS
from tests.crash.points import POINTS
from tests.crash.trial import Kill, Trial
from tests.postgres_server import Server, postgres

__all__ = ["postgres"]

EACH = 2
RANDOM = (0.2, 0.5, 0.8, 1.1, 1.4)
HEARD = "call-after-settle"


@pytest.mark.slow
@pytest.mark.timeout(400)  # more than twenty lives
async def test_three_ledgers_agree_whatever_the_bus_died_of(tmp_path: Path) -> None:
    points = [point for point in POINTS if point.flow in (RESULTS, LARGE_RESULTS)]
    kills = [Kill(point, point.passes[n]) for n in range(EACH) for point in points]
    result = await Trial(tmp_path, LARGE_RESULTS).run([*kills, *(Kill(None, seconds=seconds) for seconds in RANDOM)])
    assert result.findings == []
    assert not result.missed
    assert {result.kills[point.name] for point in points} == {EACH}
    assert result.kills["random"] == len(RANDOM)
    assert result.calls > len(kills)
    assert result.again > 0  # some were sent again, each with its reason
    assert result.questions > 0


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_they_agree_on_postgresql(tmp_path: Path, postgres: Server) -> None:
    points = [point for point in POINTS if point.flow in (RESULTS, LARGE_RESULTS)]
    result = await Trial(tmp_path, LARGE_RESULTS, postgres=postgres.fresh()).run([Kill(point) for point in points])
    assert result.findings == []
    assert not result.missed
    assert {result.kills[point.name] for point in points} == {1}


@pytest.mark.slow
@pytest.mark.timeout(400)  # nine lives, of which each can take long on a busy machine
@pytest.mark.parametrize("journal", ["sqlite", "postgresql"])
async def test_callers_of_a_his_are_told_what_it_did(
    tmp_path: Path, journal: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres").fresh() if journal == "postgresql" else None
    settled, *others = sorted((point for point in POINTS if point.flow is CALLS), key=lambda point: point.name != HEARD)
    kills = [Kill(settled), *(Kill(point, 3) for point in others), Kill(None, seconds=RANDOM[-1])]
    result = await Trial(tmp_path, CALLS, postgres=url).run(kills)
    assert result.findings == []
    assert not result.missed
    assert result.kills == dict.fromkeys((kill.name for kill in kills), 1)
    assert result.found[HEARD] == 1  # decided and not heard: the repeated key heard it
    assert result.calls > len(kills)
    assert result.questions > 0


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("journal", ["sqlite", "postgresql"])
async def test_every_child_of_a_split_is_told_once(
    tmp_path: Path, journal: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres").fresh() if journal == "postgresql" else None
    points = [point for point in POINTS if point.flow is PANELS]
    kills = [Kill(point, point.passes[n]) for n in range(EACH) for point in points]
    result = await Trial(tmp_path, PANELS, postgres=url).run(kills)
    assert result.findings == []
    assert not result.missed
    assert {result.found[point.name] for point in points} == {EACH}
