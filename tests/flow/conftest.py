"""One hospital with its bus for all tests that leave it as they found it."""

from collections.abc import Iterator

import pytest

from tests.flow.house import House


@pytest.fixture(scope="session")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def house(open_house: House) -> Iterator[House]:
    """Healthy and quiet before a test and after it."""
    if not open_house.bus.alive:  # a test failed while it was down
        open_house.bus.start()
    open_house.quiet(10.0)  # a test before left it otherwise: this one says so at once
    yield open_house
    open_house.heal()
    open_house.quiet()
    assert open_house.bus.alive
