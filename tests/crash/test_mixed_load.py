"""kill -9 under mixed load: the short form of `scripts/crash --flow mixed`."""

from pathlib import Path

import pytest

from tests.crash.mixed import MIXED
from tests.crash.trial import Kill, Trial

LIVES = (0.5, 1.5)
"""Seconds, from when the bus accepts."""


@pytest.mark.slow
@pytest.mark.timeout(400)  # lives and rest can take long on a busy machine
async def test_all_ledgers_agree_under_mixed_load(tmp_path: Path) -> None:
    result = await Trial(tmp_path, MIXED).run([Kill(None, seconds=seconds, ready=True) for seconds in LIVES])
    assert result.findings == []
    assert result.kills["random"] == len(LIVES)
    assert result.repeated <= result.in_flight
