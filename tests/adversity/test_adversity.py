"""The short form of `scripts/adversity`: sources and machines that misbehave, on a whole bus."""

from pathlib import Path

import pytest

from tests.adversity.cases import CASES, SHORT


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a frame far too large", "idle connections", "disk full", "out of file descriptors"])
def test_nothing_is_lost_and_the_bus_goes_on(name: str, tmp_path: Path) -> None:
    assert CASES[name](tmp_path, SHORT)
