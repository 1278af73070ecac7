"""kill -9 at every crash point and at random moments: the short form of `scripts/crash`."""

from pathlib import Path

import pytest

from tests.crash.points import POINTS
from tests.crash.trial import Kill, Trial

EACH = 2
RANDOM = (0.2, 0.5, 0.8, 1.1, 1.4)


@pytest.mark.slow
async def test_three_ledgers_agree_whatever_the_bus_died_of(tmp_path: Path) -> None:
    kills = [Kill(point, point.passes[n]) for n in range(EACH) for point in POINTS]
    result = await Trial(tmp_path, large=True).run([*kills, *(Kill(None, seconds=seconds) for seconds in RANDOM)])
    assert result.findings == []
    assert not result.missed
    assert {result.kills[point.name] for point in POINTS} == {EACH}
    assert result.kills["random"] == len(RANDOM)
    assert result.calls > 50
    assert result.again > 0  # some were sent again, each with its reason
    assert result.questions > 0
