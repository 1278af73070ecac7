import pytest
from channel_desk import MORE, Desk, app_contracts, compiled


@pytest.fixture
def desk():
    return Desk(compiled(MORE))


@pytest.fixture
def app_desk():
    return Desk(app_contracts())
