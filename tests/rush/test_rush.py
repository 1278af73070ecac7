"""The short form of `scripts/rush`: many callers, few numbers, every tenth answer of the HIS lost."""

from pathlib import Path

import pytest

from tests.rush.rush import rush


@pytest.mark.slow
def test_whoever_is_told_booked_is_booked_once_and_nobody_else_is(tmp_path: Path) -> None:
    result = rush(tmp_path, callers=200, slots=30, lost_each=10, patience=90)
    assert result.findings == []
    assert result.booked == result.verdicts.get("ok", 0)
    assert result.booked + result.parked >= result.slots  # no number is lost on the way
